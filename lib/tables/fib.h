/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include "prefix.h"

/*
 * What workers look destinations up in: a left-right pair of DIR24-8 tables. One table has an entry
 * for each /24, which holds a next hop id or names a group of 256 entries, one for each address.
 * Control writes the idle side, turns the pair, and writes the same to the other side, which is
 * then idle; so a batch of changes is seen whole or not at all.
 *
 * An entry says too how long the prefix is that it comes from. So a route is written over shorter
 * ones and leaves longer ones alone without asking who else is there, and when it goes it is known
 * which entries were its own. Only who inherits them has to be told: the routing table knows.
 */

struct fib;
struct publisher;

#define FIB_ID_BITS 18 /* of a next hop id */

/* What the entries of a route hold. All zeroes: there is no route. */
struct fib_entry {
	uint32_t nexthop;
	uint8_t bits; /* of its prefix */
};

/* `groups`: how many /24s may hold longer prefixes. 64 MB and 1 KB for each group, twice. NULL and
 * rte_errno on failure. Control, at start. */
struct fib *fib_create(uint32_t groups);
void fib_destroy(struct fib *fib);

/* Puts a route into the idle side, a new one or in place of one of that prefix. 0, or -ENOSPC with
 * the side as before: its /24 needs a group and there is none. What succeeds in one side succeeds
 * in the other. Control only. */
int fib_set(struct fib *fib, struct prefix prefix, uint32_t nexthop);
/* Takes one out, which must be there. `heir` is the longest route around it. Control only. */
void fib_delete(struct fib *fib, struct prefix prefix, struct fib_entry heir);

/* Gives the idle side to the workers. On return nobody reads the other one any more. Control only.
 */
void fib_turn(struct fib *fib, struct publisher *publisher);

/* Fetches what a change of the prefix will touch, in both sides. Control only. */
void fib_prefetch(const struct fib *fib, struct prefix prefix);

/* Next hop ids of n addresses (host order), 0 where no route covers. Worker, online. */
void fib_lookup(const struct fib *fib, const uint32_t addresses[], uint64_t nexthops[], unsigned n);
