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
		if (unlikely((gw->outside >> burst->ingress[i] & 1) &&
			    leads_into_a_tunnel(nexthop_read(slots, (uint32_t)back[i])) &&
			    !is_for_the_outside(gw, burst->dst[i]))) {
			worker_drop(worker, burst->pkt[i], burst->ingress[i], DROP_unprotected);
			continue;
		}
		ip_burst_move(burst, kept++, i);
	}
	burst->n = kept;
}
