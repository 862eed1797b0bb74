/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include "nexthop.h"
#include "route.h"

/* Ways out of a port stand before tunnels in a group: where it has both, the clear is a fallback
 * that is wanted. What drops or is local is in no group: neither file nor socket may say so. */
static bool
leads_into_a_tunnel(const struct nexthop *nexthop)
{
	if (nexthop->kind == NEXTHOP_GROUP)
		nexthop++; /* the first of its leaves, which stand behind it */
	return nexthop->kind == NEXTHOP_TUNNEL;
}

/* IKE, for one, comes in the clear to our outer addresses. What is for another of ours, on the
 * inside of a port or a tunnel, may not. */
static bool
is_for_the_outside(const struct gateway *gw, uint32_t address)
{
	for (unsigned p = 0; p < gw->n_ports; p++)
		for (unsigned a = 0; (gw->outside >> p & 1) && a < gw->ports[p].n_addresses; a++)
			if (gw->ports[p].addresses[a].address == address)
				return true;
	return false;
}

/* Of what came by an outside port; `back` is the way to its source. */
static enum drop_reason
judge(const struct gateway *gw, const struct nexthop *back, uint32_t destination)
{
	/* RFC 1812 5.3.8: nobody else sends from an address of ours. */
	if (back->kind == NEXTHOP_LOCAL)
		return DROP_martian;
	if (leads_into_a_tunnel(back) && !is_for_the_outside(gw, destination))
		return DROP_unprotected;
	return DROP_NONE;
}

void
refuse_clear(struct worker *worker)
{
	const struct gateway *gw = worker->gw;
	const struct nexthop_slots *slots = nexthop_slots(gw->nexthops);
	struct ip_burst *burst = &worker->ip;
	uint64_t back[BURST_PKTS];
	unsigned kept = 0;

	route_lookup(gw->routes, burst->src, back, burst->n);
	for (unsigned i = 0; i < burst->n; i++) {
		enum drop_reason reason = DROP_NONE;

		if (gw->outside >> burst->ingress[i] & 1)
			reason = judge(gw, nexthop_read(slots, (uint32_t)back[i]), burst->dst[i]);
		if (unlikely(reason != DROP_NONE)) {
			worker_drop(worker, burst->pkt[i], burst->ingress[i], reason);
			continue;
		}
		ip_burst_move(burst, kept++, i);
	}
	burst->n = kept;
}
