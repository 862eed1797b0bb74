/* SPDX-License-Identifier: BSD-3-Clause */
#include "branch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "encap.h"
#include "gateway.h"
#include "neighbor.h"
#include "policy.h"
#include "slab.h"

struct branch_slots {
	unsigned n; /* free ones */
	uint16_t free[BRANCH_SLOTS];
};

struct branch_slots *
branch_slots_create(void)
{
	struct branch_slots *slots = calloc(1, sizeof(*slots));

	for (unsigned i = 0; slots != NULL && i < BRANCH_SLOTS; i++)
		slots->free[slots->n++] = (uint16_t)i;
	return slots;
}

void
branch_slots_destroy(struct branch_slots *slots)
{
	free(slots);
}

/* An index of runs has 16 bits. */
static unsigned
usable_slots(const struct gateway *gw)
{
	unsigned left = UINT16_MAX - gw->n_tunnels;

	return left < BRANCH_SLOTS ? left : BRANCH_SLOTS;
}

unsigned
branch_runs(const struct gateway *gw)
{
	return gw->n_tunnels + usable_slots(gw);
}

static int
take_slot(struct gateway *gw, uint16_t *slot)
{
	struct branch_slots *slots = gw->branch_slots;

	while (slots->n > 0) {
		uint16_t taken = slots->free[--slots->n];

		/* With very many tunnels some cannot be used, and are left out for good. */
		if (taken < usable_slots(gw)) {
			*slot = (uint16_t)(gw->n_tunnels + taken);
			return 0;
		}
	}
	return -ENOSPC;
}

/* --- which SA for which policy --- */

struct wish {
	const struct policy *policy;
	struct sa *sa; /* NULL: the one that it wants is not there, or it blocks */
	enum drop_reason drop;
};

/* The outbound policies in their order, with what they want; returns their number. */
static unsigned
collect(const struct gateway *gw, const struct tunnel *tunnel, struct wish wishes[])
{
	const struct policy *policies[POLICIES_PER_TUNNEL];
	unsigned n = policy_outbound_sorted(tunnel, policies);

	for (unsigned i = 0; i < n; i++) {
		wishes[i] = (struct wish) { .policy = policies[i] };
		if (policy_wants_sa(policies[i]))
			wishes[i].sa =
				sa_select_for(gw, tunnel->index, policies[i], &wishes[i].drop);
	}
	return n;
}

static bool
agree(const struct wish wishes[], unsigned n)
{
	const struct wish *first = NULL;

	for (unsigned i = 0; i < n; i++) {
		if (!policy_wants_sa(wishes[i].policy))
			continue;
		if (first != NULL && wishes[i].sa != first->sa)
			return false;
		first = &wishes[i];
	}
	return true;
}

/* --- sets --- */

static struct branch_set *
make(struct slab *slab, unsigned n)
{
	struct branch_set *set = slab_alloc(slab, sizeof(*set) + n * sizeof(set->branches[0]));

	if (set == NULL)
		return NULL;
	set->children = slab_alloc(slab, n * sizeof(set->children[0]));
	if (set->children != NULL)
		return set;
	slab_free(set);
	return NULL;
}

void
branch_free(struct gateway *gw, struct branch_set *set)
{
	if (set == NULL)
		return;
	for (uint32_t i = 0; i < set->n_children; i++) {
		neighbor_release(set->children[i].via);
		gw->branch_slots->free[gw->branch_slots->n++] =
			(uint16_t)(set->children[i].slot - gw->n_tunnels);
	}
	slab_free(set->children);
	slab_free(set);
}

/* The child with that SA: a new one where there is none yet. */
static int
find_child(struct gateway *gw, const struct tunnel *tunnel, struct branch_set *set,
	const struct wish *wish)
{
	struct encap_wish way = {
		.sa = wish->sa,
		.towards = wish->sa != NULL ? wish->sa->destination : tunnel->remote,
		.drop = wish->drop,
		/* As in a tunnel that is idle: also where one is there that ran out, for it serves
		 * nobody any more. */
		.hold = wish->sa == NULL,
	};
	struct branch_child *child;

	for (uint32_t i = 0; i < set->n_children; i++)
		if (set->children[i].encap.sa == wish->sa && wish->sa != NULL)
			return (int)i;
	child = &set->children[set->n_children];
	int error = take_slot(gw, &child->slot);
	if (error < 0)
		return error;
	child->has_sa = wish->sa != NULL;
	child->towards = way.towards;
	child->via = encap_build(gw, tunnel, &way, &child->encap);
	neighbor_hold(child->via);
	return (int)set->n_children++;
}

int
branch_build(struct gateway *gw, const struct tunnel *tunnel, struct branch_set **set)
{
	struct wish wishes[POLICIES_PER_TUNNEL];
	unsigned n = collect(gw, tunnel, wishes);

	*set = NULL;
	if (agree(wishes, n))
		return 0;
	*set = make(gw->slab, n);
	if (*set == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		struct branch *branch = &(*set)->branches[i];

		branch->selector = wishes[i].policy->spec.selector;
		if (!branch->selector.blocks) {
			int child = find_child(gw, tunnel, *set, &wishes[i]);

			if (child < 0) {
				branch_free(gw, *set);
				*set = NULL;
				return child;
			}
			branch->child = (uint16_t)child;
		}
		(*set)->n++;
	}
	return 0;
}

bool
branch_same(const struct branch_set *a, const struct branch_set *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	if (a->n != b->n || a->n_children != b->n_children ||
		memcmp(a->branches, b->branches, a->n * sizeof(a->branches[0])) != 0)
		return false;
	for (uint32_t i = 0; i < a->n_children; i++)
		if (memcmp(&a->children[i].encap, &b->children[i].encap, sizeof(struct encap)) != 0)
			return false;
	return true;
}

/* --- what they depend on --- */

bool
branch_uses(const struct branch_set *set, const struct neighbor *neighbor)
{
	for (uint32_t i = 0; set != NULL && i < set->n_children; i++)
		/* One that waits for any neighbor of a group may take this one. */
		if (set->children[i].via == neighbor ||
			set->children[i].encap.drop == DROP_no_neighbor)
			return true;
	return false;
}

bool
branch_leads_into(const struct branch_set *set, struct prefix prefix)
{
	for (uint32_t i = 0; set != NULL && i < set->n_children; i++)
		if (prefix_covers(prefix, set->children[i].towards))
			return true;
	return false;
}

enum drop_reason
branch_blocked(const struct encap *encap)
{
	const struct branch_set *branches = encap->branches;
	enum drop_reason why = (enum drop_reason)encap->drop;

	for (uint32_t i = 0; branches != NULL && i < branches->n_children; i++) {
		const struct branch_child *child = &branches->children[i];

		if (child->encap.drop == DROP_NONE)
			return DROP_NONE;
		/* One at least has an SA, for without any they would agree. What that lacks is a
		 * way, and is worth more words than that others wait for an SA. */
		if (child->has_sa)
			why = (enum drop_reason)child->encap.drop;
	}
	return why;
}

uint16_t
branch_mtu(const struct branch_set *set)
{
	uint16_t mtu = 0;

	for (uint32_t i = 0; i < set->n_children; i++) {
		uint16_t this = set->children[i].encap.mtu;

		if (this != 0 && (mtu == 0 || this < mtu))
			mtu = this;
	}
	return mtu;
}

const struct branch_child *
branch_choose(const struct branch_set *set, const struct packet_flow *flow)
{
	for (uint32_t i = 0; i < set->n; i++)
		if (selector_covers(&set->branches[i].selector, flow))
			return set->branches[i].selector.blocks
				? NULL
				: &set->children[set->branches[i].child];
	return NULL;
}
