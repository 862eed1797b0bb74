/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "listener.h"
#include "selector.h"
#include "xfrm_internal.h"

/* acquire() of the listener: asks whoever joined group ACQUIRE for an SA (xfrm_acquire.c). */
bool xfrm_acquire(void *context, const struct tunnel *tunnel, const struct packet_flow *flow);

/* --- xfrm_policy.c --- */

struct xfrm_policy;

/* The policy that a GETPOLICY, DELPOLICY or POLEXPIRE means: by index where it gives one, else by
 * selector. NULL, with `error` and words. */
struct xfrm_policy *xfrm_policy_named(struct xfrm *xfrm, const struct xfrm_userpolicy_id *id,
	struct netlink_span attributes, int *error, struct netlink_refusal *why);
/* Takes it out of the tables, and forgets it. */
void xfrm_policy_take_away(struct xfrm *xfrm, struct xfrm_policy *policy);

/* --- xfrm_policy_expire.c --- */

/* What time does to policies; looks once a second. `wall` is the wall clock in seconds. */
void xfrm_policy_tick(struct xfrm *xfrm, uint64_t wall);
