/* SPDX-License-Identifier: BSD-3-Clause */
#include "xfrm_policies.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 64
/* The bits of an index that are the direction. */
#define DIRECTION_BITS 3

struct xfrm_policies {
	struct xfrm_policy *by_name;
	struct xfrm_policy **slots; /* NULL: free */
	uint32_t n_slots, n;
	uint32_t next; /* where the search for a free slot goes on: an index is not used again soon,
			  for clients delete by index what they listed a while ago */
	TAILQ_HEAD(, xfrm_policy) mortals;
};

struct xfrm_policy_name
xfrm_policy_name(const struct xfrm_selector *selector, uint32_t direction, uint32_t if_id)
{
	struct xfrm_policy_name name;

	/* Names are compared as bytes: none of them may be left to chance. */
	memset(&name, 0, sizeof(name));
	name.selector.daddr = selector->daddr;
	name.selector.saddr = selector->saddr;
	name.selector.dport = selector->dport;
	name.selector.dport_mask = selector->dport_mask;
	name.selector.sport = selector->sport;
	name.selector.sport_mask = selector->sport_mask;
	name.selector.family = selector->family;
	name.selector.prefixlen_d = selector->prefixlen_d;
	name.selector.prefixlen_s = selector->prefixlen_s;
	name.selector.proto = selector->proto;
	name.selector.ifindex = selector->ifindex;
	name.selector.user = selector->user;
	name.direction = direction;
	name.if_id = if_id;
	return name;
}

struct xfrm_policies *
xfrm_policies_create(void)
{
	struct xfrm_policies *policies = calloc(1, sizeof(*policies));

	if (policies != NULL)
		TAILQ_INIT(&policies->mortals);
	return policies;
}

void
xfrm_policies_destroy(struct xfrm_policies *policies)
{
	struct xfrm_policy *policy, *next;

	if (policies == NULL)
		return;
	HASH_ITER (hh, policies->by_name, policy, next) {
		HASH_DEL(policies->by_name, policy);
		free(policy);
	}
	free(policies->slots);
	free(policies);
}

/* Makes it so that a quarter of the slots is free, and the search short. */
static bool
make_room(struct xfrm_policies *policies)
{
	uint32_t n = policies->n_slots == 0 ? SLOTS_FIRST : 2 * policies->n_slots;
	struct xfrm_policy **slots;

	if (4 * policies->n < 3 * policies->n_slots)
		return true;
	slots = realloc(policies->slots, n * sizeof(*slots));
	if (slots == NULL)
		return false;
	for (uint32_t slot = policies->n_slots; slot < n; slot++)
		slots[slot] = NULL;
	policies->slots = slots;
	policies->n_slots = n;
	return true;
}

/* An index is never zero: that means none. */
static uint32_t
index_of(uint32_t slot, uint32_t direction)
{
	return (slot + 1) << DIRECTION_BITS | direction;
}

static uint32_t
slot_of(uint32_t index)
{
	return (index >> DIRECTION_BITS) - 1;
}

struct xfrm_policy *
xfrm_policy_add(struct xfrm_policies *policies, const struct xfrm_policy_name *name)
{
	struct xfrm_policy *policy;

	if (policies->n == XFRM_POLICIES_MAX || !make_room(policies))
		return NULL;
	policy = calloc(1, sizeof(*policy));
	if (policy == NULL)
		return NULL;
	memcpy(&policy->name, name, sizeof(*name));
	HASH_ADD(hh, policies->by_name, name, sizeof(policy->name), policy);
	if (policy->hh.tbl == NULL) {
		free(policy);
		return NULL;
	}
	while (policies->slots[policies->next % policies->n_slots] != NULL)
		policies->next++;
	uint32_t slot = policies->next++ % policies->n_slots;
	policies->slots[slot] = policy;
	policies->n++;
	policy->info.index = index_of(slot, name->direction);
	return policy;
}

void
xfrm_policy_remove(struct xfrm_policies *policies, struct xfrm_policy *policy)
{
	if (policy->mortal)
		TAILQ_REMOVE(&policies->mortals, policy, link);
	HASH_DEL(policies->by_name, policy);
	policies->slots[slot_of(policy->info.index)] = NULL;
	policies->n--;
	free(policy);
}

void
xfrm_policy_set_mortal(struct xfrm_policies *policies, struct xfrm_policy *policy)
{
	const struct xfrm_lifetime_cfg *life = &policy->info.lft;
	bool mortal = (life->soft_add_expires_seconds | life->hard_add_expires_seconds |
			      life->soft_use_expires_seconds | life->hard_use_expires_seconds) != 0;

	if (mortal && !policy->mortal)
		TAILQ_INSERT_TAIL(&policies->mortals, policy, link);
	if (!mortal && policy->mortal)
		TAILQ_REMOVE(&policies->mortals, policy, link);
	policy->mortal = mortal;
}

struct xfrm_policy *
xfrm_policy_next_mortal(const struct xfrm_policies *policies, const struct xfrm_policy *policy)
{
	return policy == NULL ? TAILQ_FIRST(&policies->mortals) : TAILQ_NEXT(policy, link);
}

struct xfrm_policy *
xfrm_policy_find(const struct xfrm_policies *policies, const struct xfrm_policy_name *name)
{
	struct xfrm_policy *found;

	HASH_FIND(hh, policies->by_name, name, sizeof(*name), found);
	return found;
}

struct xfrm_policy *
xfrm_policy_at(const struct xfrm_policies *policies, uint32_t index)
{
	uint32_t slot = slot_of(index);
	struct xfrm_policy *policy = slot < policies->n_slots ? policies->slots[slot] : NULL;

	return policy != NULL && policy->info.index == index ? policy : NULL;
}

struct xfrm_policy *
xfrm_policy_next(const struct xfrm_policies *policies, uint32_t *cursor)
{
	while (*cursor < policies->n_slots) {
		struct xfrm_policy *policy = policies->slots[(*cursor)++];

		if (policy != NULL)
			return policy;
	}
	return NULL;
}
