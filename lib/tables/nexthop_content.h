/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "nexthop.h"
#include "way.h"

/* What the files of next hops share; for them alone. Control only. */

/* A group's place in the list of those that hold a tunnel. */
struct membership {
	LIST_ENTRY(membership) link;
	struct interned *group;
};

LIST_HEAD(membership_list, membership);

/*
 * Control's side of a next hop. There may be several groups of the same ways: variants, whose
 * buckets lie differently. A route whose ways change gets the one that moves the fewest of its
 * flows, and only if all that are there would move some that need not move, another.
 */
struct interned {
	UT_hash_handle hh; /* of the first variant */
	struct interned *next_variant;
	uint32_t id;
	uint32_t references;
	/* The routes of this one went to that variant last, as long as no buckets changed. */
	uint32_t heir;
	uint64_t heir_epoch;
	struct membership *memberships; /* groups: one per way, those of tunnels are linked */
	unsigned n;
	struct way ways[]; /* canonical */
};

struct nexthop_table {
	struct nexthop_slots *slots;
	struct interned *by_content;
	uint64_t epoch;   /* counts changes of groups' buckets, and ids that became free */
	uint32_t n_fresh; /* ids below were in use before */
	uint32_t n_free;
	uint32_t free_ids[NEXTHOPS_MAX]; /* a stack */
	struct interned *by_id[NEXTHOPS_MAX];
	struct membership_list by_tunnel[TUNNELS_MAX + 1];
	bool gathers; /* nexthop_gather() */
};

/* The first of the variants of these ways; NULL: there is none. */
struct interned *
nexthop_content_find(const struct nexthop_table *table, const struct way ways[], unsigned n);
/* Makes an entry one that is found by its ways. 0 or -ENOMEM. */
int nexthop_content_add(struct nexthop_table *table, struct interned *entry);
void nexthop_content_remove(struct nexthop_table *table, struct interned *entry);

/* The variant for a route that had `from`, a group; `first` is that of the ways it shall have.
 * NULL: one has to be made. */
struct interned *nexthop_content_choose(
	const struct nexthop_table *table, struct interned *first, struct interned *from);
/* It was `heir` that a route of `from` went to: the next one need not choose. */
void nexthop_content_remember(
	const struct nexthop_table *table, struct interned *from, const struct interned *heir);
