/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "policy.h"

/* The selector set that workers are given, from a tunnel's policies. Control only. */

LIST_HEAD(policy_list, policy);

enum policy_way {
	POLICY_INBOUND, /* "in" and "fwd" */
	POLICY_OUTBOUND,
};

static inline bool
policy_goes(const struct policy *policy, enum policy_way way)
{
	return (policy->spec.direction == POLICY_OUT) == (way == POLICY_OUTBOUND);
}

/* Of two policies of one way, is it `a` that decides about a packet that both match? */
bool policy_comes_before(const struct policy *a, const struct policy *b);

/* Of at most POLICIES_PER_TUNNEL policies, those of one way; for slab_free(). NULL: out of memory.
 */
struct slab;
struct selector_set *
policy_set_build(struct slab *slab, const struct policy_list *policies, enum policy_way way);
/* Those of one way in the order in which they decide, into an array of POLICIES_PER_TUNNEL; returns
 * their number. */
unsigned policy_set_sort(
	const struct policy_list *policies, enum policy_way way, const struct policy *sorted[]);
/* Do they let the same pass? `a` may be NULL: they do not. */
bool policy_set_same(const struct selector_set *a, const struct selector_set *b);
