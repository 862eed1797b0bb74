/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include "prefix.h"

/*
 * The left-right pair of DPDK FIBs (DIR24-8) behind one routing table. Control writes the idle one,
 * turns the pair, waits for a grace period, and writes the same to the other, which is then idle.
 *
 * rte_fib stays stock; this file keeps what is given to it clear of three of its bugs, see fib.c.
 */

struct fib;
struct publisher;

#define FIB_ID_BITS 18 /* of a next hop id */

/* `routes_max` and `tbl8s` as in route.h. NULL and rte_errno on failure. Control, at start. */
struct fib *fib_create(uint32_t routes_max, uint32_t tbl8s);
void fib_destroy(struct fib *fib);

/*
 * Puts a route into, or takes one out of, the idle FIB. What succeeds in one FIB succeeds in the
 * other. A route that is to be deleted must be there. 0, or -ENOSPC with the FIB as before. Control
 * only.
 */
int fib_set(struct fib *fib, struct prefix prefix, uint32_t nexthop);
void fib_delete(struct fib *fib, struct prefix prefix);

/* Gives the idle FIB to the workers. On return nobody reads the other one any more. Control only.
 */
void fib_turn(struct fib *fib, struct publisher *publisher);

/* Next hop ids of n addresses (host order), 0 where no route covers. Worker, online. */
void fib_lookup(const struct fib *fib, const uint32_t addresses[], uint64_t nexthops[], unsigned n);
