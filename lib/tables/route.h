/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "claim.h"
#include "prefix.h"

/*
 * Routes: the RIB that the control core keeps (rib.h), and a left-right pair of tables that workers
 * look up in (fib.h). A batch is applied to the idle side, published with one pointer, and after a
 * grace period applied to the other: a reader sees all of a batch or nothing of it.
 */

#define ROUTE_TABLE_MAIN 254 /* RT_TABLE_MAIN */

/* Where a route comes from; values of rtm_protocol where the kernel has one. */
enum route_protocol {
	ROUTE_CONNECTED = 2, /* RTPROT_KERNEL: from an address of a port or tunnel */
	ROUTE_STATIC = 4,    /* RTPROT_STATIC */
	ROUTE_BGP = 186,     /* RTPROT_BGP */
};

struct route {
	struct prefix prefix; /* host bits zero */
	uint32_t table;
	uint8_t protocol;
	bool appended; /* ways came to it one by one: each can be taken away alone */
	struct claim claim;
	uint32_t nexthop; /* id; the route holds a reference */
};

enum route_op { ROUTE_SET, ROUTE_DELETE };

struct route_change {
	enum route_op op;
	struct route route; /* DELETE: prefix and table name it; route_apply() fills in the rest, as
			       the listener sees it. SET: the reference to `nexthop` passes to the
			       table */
	int result; /* set by route_apply(): 0, -ESRCH (no such route), -ENOSPC (RIB or FIB full),
		       -ENOMEM, -EINVAL (host bits), -EOPNOTSUPP (another table) */
};

struct gateway;
struct route_table;

/*
 * Makes the set of tables with an empty main table. `routes_max` bounds its routes, of which each
 * takes 60 to 100 bytes once it is there, `tbl8s` the different /24s that hold longer prefixes; 128
 * MB and 2 KB for each of those are taken at once. Control, at start. NULL and rte_errno on
 * failure.
 */
struct route_table *route_table_create(uint32_t routes_max, uint32_t tbl8s);
void route_table_destroy(struct gateway *gw);

/*
 * Applies a batch in order, atomically to readers; SET replaces a route of the same prefix. One
 * that is there already, with the same next hop and protocol, only gets its claim anew: nothing is
 * written, nobody told, and a batch of nothing else waits for nobody. A
 * change that fails is left out, keeps both FIBs equal, and releases its next hop. Tunnels whose
 * remote end a change concerns are refreshed. Waits for grace periods: two per batch, so batch.
 * Only the main table can be looked up yet: others are refused. Returns the number of changes that
 * failed. Control only.
 */
unsigned route_apply(struct gateway *gw, struct route_change changes[], unsigned n);

/* Exactly that prefix / the longest match, or NULL; valid until the next route_apply(). Control
 * only. */
const struct route *route_find(const struct gateway *gw, uint32_t table, struct prefix prefix);
const struct route *route_match(const struct gateway *gw, uint32_t table, uint32_t address);
/* Walks all routes of all tables by slot; NULL at the end. A route that stays is seen exactly once,
 * whatever else changes. Control only. */
const struct route *route_next(const struct gateway *gw, uint32_t *cursor);
uint32_t route_count(const struct gateway *gw);
/* How often workers were given another FIB: batches that changed where packets go. Control only. */
uint64_t route_turns(const struct gateway *gw);

/* Longest match of n addresses (host order) in the main table: next hop ids, NEXTHOP_NONE where no
 * route covers. Worker, online. */
void route_lookup(const struct route_table *table, const uint32_t addresses[], uint64_t nexthops[],
	unsigned n);
