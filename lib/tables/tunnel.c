/* SPDX-License-Identifier: BSD-3-Clause */
#include "tunnel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_malloc.h>

#include "branch.h"
#include "clock.h"
#include "config.h"
#include "encap.h"
#include "gateway.h"
#include "hold.h"
#include "listener.h"
#include "log.h"
#include "neighbor.h"
#include "nexthop.h"
#include "peers.h"
#include "policy.h"
#include "publish.h"
#include "slab.h"
#include "tunnel_order.h"

/* What a tunnel has at first, and when there is no memory for better. */
static const struct encap nothing = { .drop = DROP_no_sa };

static struct selector_set *
copy_selectors(struct slab *slab, const struct config_tunnel *from)
{
	struct selector_set *set =
		slab_alloc(slab, sizeof(*set) + from->n_selectors * sizeof(set->selectors[0]));

	if (set == NULL)
		return NULL;
	set->n = from->n_selectors;
	set->plain = true;
	for (unsigned i = 0; i < from->n_selectors; i++)
		set->selectors[i] =
			(struct selector) { from->selectors[i].local, from->selectors[i].remote };
	return set;
}

/* What was made before a failure is tunnel_destroy_all()'s. */
static int
create(struct slab *slab, struct tunnel *tunnel, const struct config_tunnel *from)
{
	memcpy(tunnel->name, from->name, sizeof(tunnel->name));
	memcpy(tunnel->interface, from->interface, sizeof(tunnel->interface));
	tunnel->if_id = from->if_id;
	tunnel->local = from->local;
	tunnel->remote = from->remote;
	tunnel->towards = from->remote;
	tunnel->since_ns = clock_now_ns();
	tunnel->liveness_ms = from->liveness_ms;
	tunnel->state = TUNNEL_NO_SA;
	if (from->n_addresses > 0) {
		size_t bytes = from->n_addresses * sizeof(from->addresses[0]);

		tunnel->addresses = malloc(bytes);
		if (tunnel->addresses == NULL)
			return -ENOMEM;
		memcpy(tunnel->addresses, from->addresses, bytes);
		tunnel->n_addresses = from->n_addresses;
	}
	if (from->n_selectors > 0) {
		tunnel->selectors = copy_selectors(slab, from);
		if (tunnel->selectors == NULL)
			return -ENOMEM;
	}
	return 0;
}

int
tunnel_create_all(struct gateway *gw, const struct config *config)
{
	gw->tunnels = calloc(config->n_tunnels + 1, sizeof(*gw->tunnels));
	gw->encaps = rte_zmalloc(
		"encaps", (config->n_tunnels + 1) * sizeof(gw->encaps[0]), CACHE_LINE_BYTES);
	gw->inbound_selectors = rte_zmalloc("selectors",
		(config->n_tunnels + 1) * sizeof(gw->inbound_selectors[0]), CACHE_LINE_BYTES);
	if (gw->tunnels == NULL || gw->encaps == NULL || gw->inbound_selectors == NULL)
		return -ENOMEM;
	gw->n_tunnels = config->n_tunnels;
	for (unsigned i = 0; i < gw->n_tunnels; i++) {
		gw->tunnels[i].index = (uint16_t)i;
		publish_store(&gw->encaps[i], &nothing);
	}
	gw->tunnel_order = tunnel_order_create(gw);
	if (gw->tunnel_order == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < gw->n_tunnels; i++) {
		if (create(gw->slab, &gw->tunnels[i], &config->tunnels[i]) < 0)
			return -ENOMEM;
		if (gw->tunnels[i].remote != 0)
			peers_add(gw->peers, gw->tunnels[i].remote);
		publish_store(&gw->inbound_selectors[i], gw->tunnels[i].selectors);
	}
	return 0;
}

static void
retire(void *object, void *context)
{
	struct encap *encap = object;

	if (encap == &nothing)
		return;
	branch_free(context, (struct branch_set *)(uintptr_t)encap->branches);
	encap_free(encap);
}

void
tunnel_destroy_all(struct gateway *gw)
{
	for (unsigned i = 0; i < gw->n_tunnels; i++) {
		policy_destroy_all(&gw->tunnels[i]);
		retire((void *)(uintptr_t)gw->encaps[i], gw);
		slab_free(gw->tunnels[i].selectors);
		free(gw->tunnels[i].addresses);
	}
	tunnel_order_destroy(gw->tunnel_order);
	rte_free(gw->inbound_selectors);
	rte_free(gw->encaps);
	free(gw->tunnels);
}

static bool
same(const struct encap *a, const struct encap *b)
{
	struct encap without = *b;

	without.branches = a->branches;
	return memcmp(a, &without, sizeof(without)) == 0 && branch_same(a->branches, b->branches);
}

/* Gives the workers a copy of `fresh`, whose branches pass over, unless they have the same already.
 */
static void
publish(struct gateway *gw, const struct tunnel *tunnel, const struct encap *fresh)
{
	const struct encap **slot = &gw->encaps[tunnel->index];
	struct branch_set *branches = (struct branch_set *)(uintptr_t)fresh->branches;
	struct encap *copy;

	if (same(*slot, fresh)) {
		branch_free(gw, branches);
		return;
	}
	gw->tunnel_changes++;
	if (same(&nothing, fresh)) {
		publish_swap(gw->publisher, slot, &nothing, retire, gw);
		return;
	}
	copy = encap_alloc(gw->slab, fresh->sa);
	if (copy == NULL) {
		/* Whatever it held may be about to go. */
		log_error("tunnel %s: no memory for its headers; it sends nothing", tunnel->name);
		branch_free(gw, branches);
		publish_swap(gw->publisher, slot, &nothing, retire, gw);
		return;
	}
	memcpy(copy, fresh, sizeof(*copy));
	publish_swap(gw->publisher, slot, copy, retire, gw);
}

/* Keeps the list of tunnels with branches. */
static void
set_branching(struct gateway *gw, struct tunnel *tunnel, bool branching)
{
	struct tunnel **at = &gw->branching;

	if (branching == tunnel->branching)
		return;
	tunnel->branching = branching;
	if (branching) {
		tunnel->next_branching = gw->branching;
		gw->branching = tunnel;
		return;
	}
	while (*at != tunnel)
		at = &(*at)->next_branching;
	*at = tunnel->next_branching;
}

/* The encap of a tunnel, with branches where its policies want several SAs. */
static void
build(struct gateway *gw, struct tunnel *tunnel, enum drop_reason drop, struct encap *encap)
{
	struct branch_set *branches = NULL;
	const struct encap_wish wish = {
		.sa = tunnel->out,
		.towards = tunnel->towards,
		.drop = tunnel->held_down ? DROP_no_sa : drop,
		.hold = tunnel->state == TUNNEL_IDLE,
		.selectors = policy_outbound(tunnel),
	};
	int error = tunnel->held_down ? 0 : branch_build(gw, tunnel, &branches);

	if (error == -ENOSPC) {
		/* Slots of sets that were replaced come back after a grace period. */
		publish_flush(gw->publisher);
		error = branch_build(gw, tunnel, &branches);
	}
	const struct neighbor *before = tunnel->via;
	tunnel->via = encap_build(gw, tunnel, &wish, encap);
	neighbor_hold(tunnel->via);
	neighbor_release(before);
	set_branching(gw, tunnel, branches != NULL);
	if (error == 0 && branches == NULL)
		return;
	if (error < 0)
		log_error("tunnel %s: no room for the SAs of its policies; it sends nothing",
			tunnel->name);
	*encap = (struct encap) {
		.drop = error < 0 ? DROP_no_sa : DROP_policy_out,
		.branches = branches,
		.mtu = branches != NULL ? branch_mtu(branches) : 0,
	};
}

static enum tunnel_state
current_state(const struct tunnel *tunnel)
{
	if (tunnel->held_down || tunnel->dead)
		return TUNNEL_DOWN;
	if (tunnel->out != NULL)
		return TUNNEL_UP;
	return policy_asks(tunnel) ? TUNNEL_IDLE : TUNNEL_NO_SA;
}

/* Where its packets go; 0: nobody knows yet. */
static void
set_destination(struct gateway *gw, struct tunnel *tunnel)
{
	uint32_t towards = tunnel->out != NULL ? tunnel->out->destination : tunnel->remote;

	if (towards == tunnel->towards)
		return;
	tunnel->towards = towards;
	path_mtu_forget(gw, tunnel);
	tunnel_order_changed(gw->tunnel_order);
}

static void
tell_operator(const struct gateway *gw, const struct tunnel *tunnel)
{
	const char *state = tunnel_state_name(tunnel->state);
	char why[TUNNEL_WHY_BYTES];

	if (!tunnel_why(gw, tunnel, why))
		log_info("tunnel %s: %s", tunnel->name, state);
	else if (tunnel_carries(tunnel) || tunnel->held_down)
		log_info("tunnel %s: %s: %s", tunnel->name, state, why);
	else
		log_warning("tunnel %s: %s: %s", tunnel->name, state, why);
}

/*
 * Nothing gets to its peer. Without an SA it is idle all the same: who asks for one sends to the
 * peer, and a neighbor is found by that. Not out of a port without link; but of links it is told
 * late, so what no other way takes is sealed and sent.
 */
static bool
lacks_a_way(const struct gateway *gw, const struct tunnel *tunnel, const struct encap *encap)
{
	bool has_link = tunnel->via == NULL || gateway_has_link(gw, tunnel->via->port);

	if (tunnel->state == TUNNEL_UP)
		return !has_link || branch_blocked(encap) != DROP_NONE;
	return tunnel->state == TUNNEL_IDLE && !has_link;
}

void
tunnel_refresh(struct gateway *gw, struct tunnel *tunnel)
{
	enum drop_reason drop = DROP_NONE;
	enum tunnel_state state = tunnel->state;
	bool carried = tunnel_carries(tunnel);
	struct encap encap;

	tunnel->out = sa_select_out(gw, tunnel->index, &drop);
	if (tunnel->out == NULL && tunnel->dead)
		tunnel_trust(tunnel);
	tunnel->state = current_state(tunnel);
	if (tunnel->state != TUNNEL_IDLE)
		hold_ask_again(tunnel);
	set_destination(gw, tunnel);
	build(gw, tunnel, drop, &encap);
	if (lacks_a_way(gw, tunnel, &encap))
		tunnel->state = TUNNEL_UNREACHABLE;

	/* Flows come when it can send, and go before it cannot. */
	if (carried && !tunnel_carries(tunnel))
		nexthop_tunnel_changed(gw, tunnel->index);
	publish(gw, tunnel, &encap);
	if (!carried && tunnel_carries(tunnel))
		nexthop_tunnel_changed(gw, tunnel->index);
	if (tunnel->state == state)
		return;
	tunnel->since_ns = clock_now_ns();
	gw->tunnel_changes++;
	tell_operator(gw, tunnel);
	if (gw->listener != NULL && gw->listener->tunnel_changed != NULL)
		gw->listener->tunnel_changed(gw->listener->context, tunnel);
}

void
tunnel_refresh_all(struct gateway *gw)
{
	for (unsigned i = 0; i < gw->n_tunnels; i++)
		tunnel_refresh(gw, &gw->tunnels[i]);
}

void
tunnel_refresh_via(struct gateway *gw, const struct neighbor *neighbor)
{
	if (gw->listener != NULL && gw->listener->neighbor_changed != NULL)
		gw->listener->neighbor_changed(gw->listener->context, neighbor);
	for (unsigned i = 0; i < gw->n_tunnels; i++)
		/* One that waits for any neighbor of a group may take this one. */
		if (gw->tunnels[i].via == neighbor || gw->encaps[i]->drop == DROP_no_neighbor ||
			branch_uses(gw->encaps[i]->branches, neighbor))
			tunnel_refresh(gw, &gw->tunnels[i]);
}

struct tunnel *
tunnel_find(const struct gateway *gw, const char *name)
{
	for (unsigned i = 0; i < gw->n_tunnels; i++)
		if (strcmp(gw->tunnels[i].name, name) == 0)
			return &gw->tunnels[i];
	return NULL;
}

uint16_t
tunnel_current_mtu(const struct gateway *gw, const struct tunnel *tunnel)
{
	return gateway_encap(gw, tunnel->index)->mtu;
}
