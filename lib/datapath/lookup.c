/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include "route.h"

void
lookup(struct worker *worker)
{
	struct ip_burst *burst = &worker->ip;

	route_lookup(worker->gw->routes, burst->dst, burst->nexthop, burst->n);
}
