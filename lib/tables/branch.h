/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "prefix.h"
#include "selector.h"
#include "tunnel.h"

/*
 * Several SAs at work in one tunnel. Where the outbound policies of a tunnel want different SAs (an
 * IKE daemon has several CHILD_SAs with selectors of their own under one if_id), each packet takes
 * the one that its policy names. The tunnel's encap then sends nothing itself and has `branches`:
 * the policies in their order, each with an encap of its own. A tunnel whose policies agree on one
 * SA has none, and its packets never look for them.
 *
 * A worker keeps a run for each branch that is at work (worker.runs), under a slot behind those of
 * the tunnels. Slots are used again only after a grace period, so that within one burst two SAs
 * never share one.
 */

#define BRANCH_SLOTS 2048 /* of all tunnels: twice what they can have, for the time of a change */

struct gateway;
struct neighbor;

/* An SA at work, or none: then `encap` says what becomes of packets. */
struct branch_child {
	struct encap encap;
	/* const after publish */
	uint16_t slot;
	/* control only */
	bool has_sa; /* though `encap` may lack a way to send on it */
	uint32_t towards;
	const struct neighbor *via;
};

struct branch {
	struct selector selector; /* one that blocks has no child */
	uint16_t child;
};

struct branch_set {
	uint32_t n, n_children;
	struct branch_child *children;
	struct branch branches[];
};

struct branch_slots;
/* NULL: out of memory. */
struct branch_slots *branch_slots_create(void);
void branch_slots_destroy(struct branch_slots *slots);
/* Runs that a worker needs: of tunnels and of branches. */
unsigned branch_runs(const struct gateway *gw);

/*
 * What the tunnel's policies want: NULL in `set` where one SA, or none, will do for all of them.
 * 0, -ENOMEM, or -ENOSPC when there are no slots; then nothing of the tunnel may pass. Control
 * only.
 */
int branch_build(struct gateway *gw, const struct tunnel *tunnel, struct branch_set **set);
/* Frees a set that no worker can reach. NULL is fine. */
void branch_free(struct gateway *gw, struct branch_set *set);
/* Do both send the same packets the same way? Either may be NULL. */
bool branch_same(const struct branch_set *a, const struct branch_set *b);

/* Does a way out depend on that neighbor, or a destination lie in that prefix? Control only. */
bool branch_uses(const struct branch_set *set, const struct neighbor *neighbor);
bool branch_leads_into(const struct branch_set *set, struct prefix prefix);
/* Why nothing can be sent through an encap, its branches included: one of several is enough.
 * DROP_NONE: something can. Control only. */
enum drop_reason branch_blocked(const struct encap *encap);
/* The largest packet that all of them take. */
uint16_t branch_mtu(const struct branch_set *set);

/* The child that a packet takes; NULL: no policy lets it pass. Any thread. */
const struct branch_child *
branch_choose(const struct branch_set *set, const struct packet_flow *flow);

/* What such a packet goes through: the encap itself where that has no branches. Any thread. */
static inline const struct encap *
branch_encap(const struct encap *encap, const struct packet_flow *flow)
{
	const struct branch_child *child =
		encap->branches != NULL ? branch_choose(encap->branches, flow) : NULL;

	return child != NULL ? &child->encap : encap;
}
