/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy_set.h"

#include <stdlib.h>

#include "slab.h"

bool
policy_comes_before(const struct policy *a, const struct policy *b)
{
	if (a->spec.priority != b->spec.priority)
		return a->spec.priority < b->spec.priority;
	return a->installed < b->installed;
}

static int
compare(const void *left, const void *right)
{
	const struct policy *const *a = left, *const *b = right;

	return policy_comes_before(*a, *b) ? -1 : 1;
}

static bool
same_conditions(const struct selector *a, const struct selector *b)
{
	return a->local.address == b->local.address && a->local.bits == b->local.bits &&
		a->remote.address == b->remote.address && a->remote.bits == b->remote.bits &&
		a->protocol == b->protocol && a->local_port == b->local_port &&
		a->local_port_mask == b->local_port_mask && a->remote_port == b->remote_port &&
		a->remote_port_mask == b->remote_port_mask;
}

/* Unless an earlier one decides about all that this would: "in" and "fwd" are mostly the same.
 * While a daemon replaces them, one after the other, they may want different SAs: then any will do.
 */
static void
append(struct selector_set *set, const struct selector *selector)
{
	for (uint32_t i = 0; i < set->n; i++) {
		if (!same_conditions(&set->selectors[i], selector))
			continue;
		if (set->selectors[i].reqid != selector->reqid)
			set->selectors[i].reqid = 0;
		return;
	}
	set->selectors[set->n++] = *selector;
}

static bool
reqids_differ(const struct selector_set *set)
{
	uint32_t wanted = 0;

	for (uint32_t i = 0; i < set->n; i++) {
		uint32_t reqid = set->selectors[i].reqid;

		if (wanted != 0 && reqid != 0 && reqid != wanted)
			return true;
		wanted = reqid != 0 ? reqid : wanted;
	}
	return false;
}

/* RFC 4301 5.2: a packet must have come by an SA that its policy wants. Where all want the same,
 * there is nothing to tell, and prefixes may suffice. */
static void
simplify(struct selector_set *set)
{
	bool differ = reqids_differ(set);

	set->plain = true;
	for (uint32_t i = 0; i < set->n; i++) {
		if (!differ)
			set->selectors[i].reqid = 0;
		set->plain = set->plain && selector_is_plain(&set->selectors[i]);
	}
}

bool
policy_set_same(const struct selector_set *a, const struct selector_set *b)
{
	if (a == NULL || a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (!same_conditions(&a->selectors[i], &b->selectors[i]) ||
			a->selectors[i].blocks != b->selectors[i].blocks ||
			a->selectors[i].reqid != b->selectors[i].reqid)
			return false;
	return true;
}

unsigned
policy_set_sort(
	const struct policy_list *policies, enum policy_way way, const struct policy *sorted[])
{
	const struct policy *policy;
	unsigned n = 0;

	LIST_FOREACH (policy, policies, link)
		if (policy_goes(policy, way))
			sorted[n++] = policy;
	qsort(sorted, n, sizeof(sorted[0]), compare);
	return n;
}

struct selector_set *
policy_set_build(struct slab *slab, const struct policy_list *policies, enum policy_way way)
{
	const struct policy *sorted[POLICIES_PER_TUNNEL];
	unsigned n = policy_set_sort(policies, way, sorted);
	struct selector_set *set;

	set = slab_alloc(slab, sizeof(*set) + n * sizeof(set->selectors[0]));
	if (set == NULL)
		return NULL;
	for (unsigned i = 0; i < n; i++) {
		struct selector selector = sorted[i]->spec.selector;

		selector.reqid = way == POLICY_INBOUND ? sorted[i]->spec.reqid : 0;
		append(set, &selector);
	}
	simplify(set);
	return set;
}
