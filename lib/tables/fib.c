/* SPDX-License-Identifier: BSD-3-Clause */
#include "fib.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <rte_errno.h>
#include <rte_fib.h>
#include <rte_memory.h>
#include <rte_rib.h>

#include "compiler.h"
#include "log.h"
#include "publish.h"

/*
 * What a FIB stores is not the bare id but the prefix length above it, so that a route and the one
 * it lies in never hold the same value. rte_fib skips its work where they do, and then forgets to
 * count the tbl8 group that it will give back later (DPDK bug 1731): the count goes below zero and
 * from there on no prefix longer than 24 bits is taken. With different values its count is exact.
 */
#define ID_MASK ((1u << FIB_ID_BITS) - 1)

/*
 * rte_fib wants to see a second free tbl8 group where it takes one for a prefix that ends with its
 * /24, and fails halfway (or, replacing, in silence) when there is none. So it gets more than we
 * use: we count the /24s that hold longer prefixes, and refuse before it is asked. Then nothing
 * that rte_fib is asked to do can fail. It cannot use the remainder of a number that is no multiple
 * of 64.
 */
#define TBL8_ROUNDING 64
#define TBL8_SPARE 1

struct side {
	struct rte_fib *fib;
	uint32_t tbl8s; /* /24s that hold longer prefixes */
};

struct fib {
	struct rte_fib *active; /* control writes, workers read */
	/* control only */
	uint32_t tbl8s_max;
	struct side sides[2];
	unsigned idle;
};

static struct rte_fib *
make_side(const char *name, uint32_t routes_max, uint32_t tbl8s)
{
	uint32_t needed = tbl8s + TBL8_SPARE + TBL8_ROUNDING - 1;
	struct rte_fib_conf conf = {
		.type = RTE_FIB_DIR24_8,
		.default_nh = 0,
		.max_routes = (int)routes_max,
		.dir24_8 = { .nh_sz = RTE_FIB_DIR24_8_4B,
			.num_tbl8 = needed / TBL8_ROUNDING * TBL8_ROUNDING },
	};

	return rte_fib_create(name, SOCKET_ID_ANY, &conf);
}

struct fib *
fib_create(uint32_t routes_max, uint32_t tbl8s)
{
	struct fib *fib = calloc(1, sizeof(*fib));

	if (fib == NULL) {
		rte_errno = ENOMEM;
		return NULL;
	}
	fib->tbl8s_max = tbl8s;
	fib->sides[0].fib = make_side("left", routes_max, tbl8s);
	if (fib->sides[0].fib == NULL)
		goto free_fib;
	fib->sides[1].fib = make_side("right", routes_max, tbl8s);
	if (fib->sides[1].fib == NULL)
		goto free_left;
	publish_store(&fib->active, fib->sides[0].fib);
	fib->idle = 1;
	return fib;

free_left:
	rte_fib_free(fib->sides[0].fib);
free_fib:
	free(fib);
	return NULL;
}

void
fib_destroy(struct fib *fib)
{
	if (fib == NULL)
		return;
	rte_fib_free(fib->sides[0].fib);
	rte_fib_free(fib->sides[1].fib);
	free(fib);
}

static uint64_t
tagged(struct prefix prefix, uint32_t nexthop)
{
	return (uint64_t)prefix.bits << FIB_ID_BITS | nexthop;
}

/* Does the prefix end where the address space ends? */
static bool
is_last(struct prefix prefix)
{
	return (prefix.address | ~prefix_mask(prefix.bits)) == UINT32_MAX;
}

/* Routes taken out for a moment. */
struct aside {
	unsigned n;
	uint8_t bits[33];
	uint64_t values[33];
};

/*
 * Writing a prefix, rte_fib fills the gaps between the longer ones inside it and stops when it has
 * gone past the last. Where that one ends with the address space, the position wraps to zero, and
 * (unless there was a gap before it) rte_fib takes this for the beginning and overwrites the whole
 * table: 0.0.0.0/0 does so in the presence of 0.0.0.0/1 and 128.0.0.0/1. So whenever a prefix that
 * ends there changes, longer ones that end there too are out of the way, longest first out,
 * shortest first in. Nobody reads the idle FIB, and there are 32 of them at most.
 */
static void
set_aside(struct rte_fib *side, struct prefix prefix, struct aside *aside)
{
	aside->n = 0;
	if (!is_last(prefix))
		return;
	for (uint8_t bits = 32; bits > prefix.bits; bits--) {
		struct rte_rib_node *node =
			rte_rib_lookup_exact(rte_fib_get_rib(side), prefix_mask(bits), bits);

		if (node == NULL)
			continue;
		rte_rib_get_nh(node, &aside->values[aside->n]);
		aside->bits[aside->n++] = bits;
		rte_fib_delete(side, prefix_mask(bits), bits);
	}
}

static void
put_back(struct rte_fib *side, const struct aside *aside)
{
	for (unsigned i = aside->n; i-- > 0;) {
		uint8_t bits = aside->bits[i];

		/* Its node and its tbl8 group were there before. */
		if (rte_fib_add(side, prefix_mask(bits), bits, aside->values[i]) < 0)
			log_error("route 0x%08x/%u was lost: FIB inconsistent", prefix_mask(bits),
				bits);
	}
}

/* Does the /24 around a prefix hold any that is longer than 24 bits? */
static bool
holds_long(struct rte_fib *side, struct prefix prefix)
{
	return rte_rib_get_nxt(rte_fib_get_rib(side), prefix.address, 24, NULL,
		       RTE_RIB_GET_NXT_COVER) != NULL;
}

int
fib_set(struct fib *fib, struct prefix prefix, uint32_t nexthop)
{
	struct side *side = &fib->sides[fib->idle];
	bool takes_tbl8 = prefix.bits > 24 && !holds_long(side->fib, prefix);
	struct aside aside;
	int result;

	if (takes_tbl8 && side->tbl8s == fib->tbl8s_max)
		return -ENOSPC;
	set_aside(side->fib, prefix, &aside);
	result = rte_fib_add(side->fib, prefix.address, prefix.bits, tagged(prefix, nexthop));
	put_back(side->fib, &aside);
	if (result < 0)
		return -ENOSPC;
	side->tbl8s += takes_tbl8;
	return 0;
}

void
fib_delete(struct fib *fib, struct prefix prefix)
{
	struct side *side = &fib->sides[fib->idle];
	struct aside aside;

	set_aside(side->fib, prefix, &aside);
	rte_fib_delete(side->fib, prefix.address, prefix.bits);
	put_back(side->fib, &aside);
	if (prefix.bits > 24 && !holds_long(side->fib, prefix))
		side->tbl8s--;
}

void
fib_turn(struct fib *fib, struct publisher *publisher)
{
	publish_swap(publisher, &fib->active, fib->sides[fib->idle].fib, NULL, NULL);
	fib->idle ^= 1;
	publish_synchronize(publisher);
}

void
fib_lookup(const struct fib *fib, const uint32_t addresses[], uint64_t nexthops[], unsigned n)
{
	struct rte_fib *active = __atomic_load_n(&fib->active, __ATOMIC_ACQUIRE);

	/* rte_fib forgot a const. */
	rte_fib_lookup_bulk(active, (uint32_t *)(uintptr_t)addresses, nexthops, (int)n);
	for (unsigned i = 0; i < n; i++)
		nexthops[i] &= ID_MASK;
}
