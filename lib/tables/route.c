/* SPDX-License-Identifier: BSD-3-Clause */
#include "route.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <rte_errno.h>

#include "fib.h"
#include "gateway.h"
#include "listener.h"
#include "log.h"
#include "nexthop.h"
#include "publish.h"
#include "rib.h"
#include "tunnel.h"

static_assert(NEXTHOPS_MAX == 1u << FIB_ID_BITS, "a FIB stores any next hop id");

#define AHEAD 8 /* changes whose memory is fetched before their turn comes */

struct route_table {
	struct fib *fib;
	struct rib *rib;
	uint64_t turns;
};

struct route_table *
route_table_create(uint32_t routes_max, uint32_t tbl8s)
{
	struct route_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		goto no_memory;
	table->rib = rib_create(routes_max);
	if (table->rib == NULL)
		goto free_table;
	table->fib = fib_create(tbl8s);
	if (table->fib == NULL)
		goto destroy_rib;
	return table;

destroy_rib:
	rib_destroy(table->rib);
free_table:
	free(table);
no_memory:
	rte_errno = ENOMEM;
	return NULL;
}

void
route_table_destroy(struct gateway *gw)
{
	struct route_table *table = gw->routes;
	const struct route *route;

	if (table == NULL)
		return;
	for (uint32_t cursor = 0; (route = rib_next(table->rib, &cursor)) != NULL;)
		nexthop_release(gw, route->nexthop);
	fib_destroy(table->fib);
	rib_destroy(table->rib);
	free(table);
	gw->routes = NULL;
}

/* What a change came to, besides its result. */
struct effect {
	uint32_t surplus;      /* the next hop that lost a route; NEXTHOP_NONE: none did */
	bool forwards;         /* packets go another way: the FIBs change */
	bool shows;            /* the route is another */
	struct fib_entry heir; /* of a route that goes */
};

/* Applies SET to the RIB and the idle side of the FIB. */
static int
set(struct route_table *table, const struct route *route, struct effect *effect)
{
	struct route *there = rib_find(table->rib, route->prefix);
	bool made = there == NULL;
	int result = 0;

	if (made)
		there = rib_insert(table->rib, route->prefix);
	if (there == NULL)
		return -ENOSPC;
	if (there->nexthop != route->nexthop)
		result = fib_set(table->fib, route->prefix, route->nexthop);
	if (result < 0) {
		if (made)
			rib_remove(table->rib, there);
		return result;
	}
	effect->forwards = there->nexthop != route->nexthop;
	effect->shows = effect->forwards || there->protocol != route->protocol;
	effect->surplus = there->nexthop;
	*there = *route;
	return 0;
}

static int delete (struct route_table *table, struct route *route, struct effect *effect)
{
	struct route *there = rib_find(table->rib, route->prefix);

	if (there == NULL)
		return -ESRCH;
	*route = *there;
	rib_remove(table->rib, there);
	const struct route *heir = rib_match(table->rib, route->prefix.address, route->prefix.bits);
	*effect = (struct effect) { .surplus = route->nexthop, .forwards = true, .shows = true };
	if (heir != NULL)
		effect->heir = (struct fib_entry) { heir->nexthop, heir->prefix.bits };
	fib_delete(table->fib, route->prefix, effect->heir);
	return 0;
}

static bool
is_well_formed(const struct route *route)
{
	return route->prefix.bits <= 32 &&
		(route->prefix.address & ~prefix_mask(route->prefix.bits)) == 0;
}

/* One change to RIB and idle FIB. */
static int
apply(struct route_table *table, struct route_change *change, struct effect *effect)
{
	struct route *route = &change->route;

	*effect = (struct effect) { change->op == ROUTE_SET ? route->nexthop : NEXTHOP_NONE };
	if (!is_well_formed(route))
		return -EINVAL;
	if (route->table != ROUTE_TABLE_MAIN)
		return -EOPNOTSUPP;
	return change->op == ROUTE_SET ? set(table, route, effect) : delete (table, route, effect);
}

/* The same to the other side: what succeeded once succeeds again, in the same order. */
static void
mirror(struct fib *fib, const struct route_change *change, const struct effect *effect)
{
	if (change->op == ROUTE_DELETE)
		fib_delete(fib, change->route.prefix, effect->heir);
	else if (fib_set(fib, change->route.prefix, change->route.nexthop) < 0)
		log_error("the two sides of the routing table differ; restart");
}

static void
tell(const struct gateway *gw, const struct route_change *change, uint32_t replaced)
{
	if (gw->listener != NULL && gw->listener->route_changed != NULL)
		gw->listener->route_changed(gw->listener->context, change, replaced);
}

static unsigned
fail_all(struct gateway *gw, struct route_change changes[], unsigned n, int result)
{
	for (unsigned i = 0; i < n; i++) {
		changes[i].result = result;
		if (changes[i].op == ROUTE_SET)
			nexthop_release(gw, changes[i].route.nexthop);
	}
	return n;
}

/* All changes to the RIB and the idle side. Returns how many failed. */
static unsigned
apply_all(struct route_table *table, struct route_change changes[], struct effect effects[],
	unsigned n)
{
	unsigned failed = 0;

	for (unsigned i = 0; i < n && i < AHEAD; i++)
		fib_prefetch(table->fib, changes[i].route.prefix);
	for (unsigned i = 0; i < n; i++) {
		if (i + AHEAD < n) {
			rib_prefetch(table->rib, changes[i + AHEAD].route.prefix);
			fib_prefetch(table->fib, changes[i + AHEAD].route.prefix);
		}
		changes[i].result = apply(table, &changes[i], &effects[i]);
		failed += changes[i].result < 0;
	}
	return failed;
}

unsigned
route_apply(struct gateway *gw, struct route_change changes[], unsigned n)
{
	struct route_table *table = gw->routes;
	struct effect *effects = calloc(n, sizeof(*effects));
	bool turns = false;

	if (effects == NULL)
		return fail_all(gw, changes, n, -ENOMEM);
	unsigned failed = apply_all(table, changes, effects, n);
	for (unsigned i = 0; i < n; i++)
		turns |= effects[i].forwards;
	if (turns) {
		table->turns++;
		fib_turn(table->fib, gw->publisher);
	}
	for (unsigned i = 0; i < n; i++) {
		if (effects[i].forwards)
			mirror(table->fib, &changes[i], &effects[i]);
		if (effects[i].shows)
			tell(gw, &changes[i], effects[i].surplus);
		nexthop_release(gw, effects[i].surplus);
	}
	for (unsigned i = 0; turns && i < n; i++)
		if (effects[i].forwards)
			tunnel_refresh_towards(gw, changes[i].route.prefix);
	free(effects);
	publish_flush(gw->publisher);
	return failed;
}

const struct route *
route_find(const struct gateway *gw, uint32_t table, struct prefix prefix)
{
	return table == ROUTE_TABLE_MAIN ? rib_find(gw->routes->rib, prefix) : NULL;
}

const struct route *
route_match(const struct gateway *gw, uint32_t table, uint32_t address)
{
	return table == ROUTE_TABLE_MAIN ? rib_match(gw->routes->rib, address, 33) : NULL;
}

const struct route *
route_next(const struct gateway *gw, uint32_t *cursor)
{
	return rib_next(gw->routes->rib, cursor);
}

uint32_t
route_count(const struct gateway *gw)
{
	return rib_count(gw->routes->rib);
}

uint64_t
route_turns(const struct gateway *gw)
{
	return gw->routes->turns;
}

void
route_lookup(const struct route_table *table, const uint32_t addresses[], uint64_t nexthops[],
	unsigned n)
{
	fib_lookup(table->fib, addresses, nexthops, n);
}
