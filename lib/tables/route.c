/* SPDX-License-Identifier: BSD-3-Clause */
#include "route.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include <rte_errno.h>

#include "fib.h"
#include "gateway.h"
#include "listener.h"
#include "log.h"
#include "nexthop.h"
#include "publish.h"
#include "tunnel.h"

static_assert(NEXTHOPS_MAX == 1u << FIB_ID_BITS, "a FIB stores any next hop id");

struct key {
	uint32_t address;
	uint32_t table;
	uint32_t bits;
};

struct entry {
	struct route route;
	bool used;
	uint32_t next_free; /* slot + 1; 0 ends the list */
	struct key key;
	UT_hash_handle hh;
};

/*
 * The RIB: entries in slots that never move, found by prefix through a hash. A longest match walks
 * the lengths that exist, from the longest down: control asks rarely, and hardly any table has more
 * than 25 of them.
 */
struct route_table {
	struct fib *fib;
	struct entry *slots; /* [routes_max] */
	uint32_t routes_max;
	uint32_t n_fresh;    /* slots below were in use before */
	uint32_t first_free; /* slot + 1 */
	uint32_t count;
	uint64_t turns;
	uint32_t of_length[33];
	struct entry *by_prefix;
};

struct route_table *
route_table_create(uint32_t routes_max, uint32_t tbl8s)
{
	struct route_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		goto no_memory;
	table->routes_max = routes_max;
	table->slots = calloc(routes_max, sizeof(*table->slots));
	if (table->slots == NULL)
		goto free_table;
	table->fib = fib_create(routes_max, tbl8s);
	if (table->fib == NULL) {
		free(table->slots);
		free(table);
		return NULL;
	}
	return table;

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

	if (table == NULL)
		return;
	HASH_CLEAR(hh, table->by_prefix);
	for (uint32_t slot = 0; slot < table->n_fresh; slot++)
		if (table->slots[slot].used)
			nexthop_release(gw, table->slots[slot].route.nexthop);
	fib_destroy(table->fib);
	free(table->slots);
	free(table);
	gw->routes = NULL;
}

static struct entry *
find(const struct route_table *table, uint32_t id, struct prefix prefix)
{
	struct key key = { prefix.address, id, prefix.bits };
	struct entry *found;

	HASH_FIND(hh, table->by_prefix, &key, sizeof(key), found);
	return found;
}

/* An entry for a prefix that has none; NULL with `result` set when there is no room. */
static struct entry *
insert(struct route_table *table, const struct route *route, int *result)
{
	struct entry *entry;

	*result = -ENOSPC;
	if (table->first_free != 0)
		entry = &table->slots[table->first_free - 1];
	else if (table->n_fresh < table->routes_max)
		entry = &table->slots[table->n_fresh];
	else
		return NULL;
	entry->key = (struct key) { route->prefix.address, route->table, route->prefix.bits };
	HASH_ADD(hh, table->by_prefix, key, sizeof(entry->key), entry);
	if (entry->hh.tbl == NULL) {
		*result = -ENOMEM;
		return NULL;
	}
	if (table->first_free != 0)
		table->first_free = entry->next_free;
	else
		table->n_fresh++;
	entry->used = true;
	entry->route = *route;
	entry->route.nexthop = NEXTHOP_NONE;
	table->of_length[route->prefix.bits]++;
	table->count++;
	return entry;
}

static void
forget(struct route_table *table, struct entry *entry)
{
	HASH_DEL(table->by_prefix, entry);
	table->of_length[entry->route.prefix.bits]--;
	table->count--;
	entry->used = false;
	entry->next_free = table->first_free;
	table->first_free = (uint32_t)(entry - table->slots) + 1;
}

/* What a change came to, besides its result. */
struct effect {
	uint32_t surplus; /* the next hop that lost a route; NEXTHOP_NONE: none did */
	bool forwards;    /* packets go another way: the FIBs change */
	bool shows;       /* the route is another */
};

/* Applies SET to the RIB and the idle FIB. */
static int
set(struct route_table *table, const struct route *route, struct effect *effect)
{
	struct entry *entry = find(table, route->table, route->prefix);
	bool made = entry == NULL;
	int result;

	if (made)
		entry = insert(table, route, &result);
	if (entry == NULL)
		return result;
	effect->forwards = entry->route.nexthop != route->nexthop;
	effect->shows = effect->forwards || entry->route.protocol != route->protocol;
	result = effect->forwards ? fib_set(table->fib, route->prefix, route->nexthop) : 0;
	if (result < 0) {
		effect->forwards = effect->shows = false;
		if (made)
			forget(table, entry);
		return result;
	}
	effect->surplus = entry->route.nexthop;
	entry->route = *route;
	return 0;
}

static int delete (struct route_table *table, struct route *route, struct effect *effect)
{
	struct entry *entry = find(table, route->table, route->prefix);

	if (entry == NULL)
		return -ESRCH;
	fib_delete(table->fib, route->prefix);
	*route = entry->route;
	*effect = (struct effect) { entry->route.nexthop, .forwards = true, .shows = true };
	forget(table, entry);
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

/* The same to the other FIB: what succeeded once succeeds again, in the same order. */
static void
mirror(struct fib *fib, const struct route_change *change)
{
	if (change->op == ROUTE_DELETE)
		fib_delete(fib, change->route.prefix);
	else if (fib_set(fib, change->route.prefix, change->route.nexthop) < 0)
		log_error("the two FIBs of the routing table differ; restart");
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

unsigned
route_apply(struct gateway *gw, struct route_change changes[], unsigned n)
{
	struct route_table *table = gw->routes;
	struct effect *effects = calloc(n, sizeof(*effects));
	unsigned failed = 0;
	bool turns = false;

	if (effects == NULL)
		return fail_all(gw, changes, n, -ENOMEM);
	for (unsigned i = 0; i < n; i++) {
		changes[i].result = apply(table, &changes[i], &effects[i]);
		failed += changes[i].result < 0;
		turns |= effects[i].forwards;
	}
	if (turns) {
		table->turns++;
		fib_turn(table->fib, gw->publisher);
	}
	for (unsigned i = 0; i < n; i++) {
		if (effects[i].forwards)
			mirror(table->fib, &changes[i]);
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
	const struct entry *entry = find(gw->routes, table, prefix);

	return entry != NULL ? &entry->route : NULL;
}

const struct route *
route_match(const struct gateway *gw, uint32_t table, uint32_t address)
{
	for (int bits = 32; bits >= 0; bits--) {
		struct prefix prefix = { address & prefix_mask((uint8_t)bits), (uint8_t)bits };
		const struct entry *entry;

		if (gw->routes->of_length[bits] == 0)
			continue;
		entry = find(gw->routes, table, prefix);
		if (entry != NULL)
			return &entry->route;
	}
	return NULL;
}

const struct route *
route_next(const struct gateway *gw, uint32_t *cursor)
{
	const struct route_table *table = gw->routes;

	while (*cursor < table->n_fresh) {
		const struct entry *entry = &table->slots[(*cursor)++];

		if (entry->used)
			return &entry->route;
	}
	return NULL;
}

uint32_t
route_count(const struct gateway *gw)
{
	return gw->routes->count;
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
