/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sizes.h"

/*
 * Equal-cost multipath: a bucket table that is exactly even for 1 to 8 equal members (840 =
 * lcm(1..8)), honours weights and is resilient: a change moves no flow that it need not move.
 *
 * Each bucket has a *home*, its member when all are up, and an *active* member, whom it serves now.
 * Losing a member spreads its buckets evenly over the survivors and touches no other; its return
 * takes back its homes. When the set of members itself changes, homes move by the least number that
 * restores the shares; a member that comes back after it left gets the homes that it had.
 */

#define ECMP_BUCKETS 840

struct ecmp_member {
	uint32_t id; /* whatever names it to the caller; equal ids of the old and the new set are
			the same member */
	uint16_t weight; /* at least 1 */
	bool up;
	uint64_t name; /* by which it is known again after it was away; 0: it is not */
};

#define ECMP_AWAY_MAX 16
#define ECMP_CLAIMS 2
#define ECMP_NOBODY UINT8_MAX /* in place of an index */

struct ecmp_table {
	uint16_t n_members;
	struct ecmp_member members[GROUP_MEMBERS_MAX];
	uint8_t home[ECMP_BUCKETS];   /* index into members */
	uint8_t active[ECMP_BUCKETS]; /* index into members; equals home where no member is up */
	/* control only: members that left, and what was theirs, should they come back. Whose home
	 * it was before, and who had it before him if he was away then; index into away,
	 * ECMP_NOBODY */
	uint8_t claims[ECMP_CLAIMS][ECMP_BUCKETS];
	uint8_t n_away;
	uint64_t away[ECMP_AWAY_MAX]; /* names */
};

/*
 * Builds `table` for the members, moving as little as possible from `previous` (NULL: a new group,
 * whose homes then depend on the order of the members alone). `previous` and `table` are different
 * objects. n is 1 .. GROUP_MEMBERS_MAX. Control only; pure.
 */
void ecmp_build(struct ecmp_table *table, const struct ecmp_member members[], unsigned n,
	const struct ecmp_table *previous);

/* The bucket of a flow. Worker or control. */
static inline uint32_t
ecmp_bucket(uint32_t flow_hash)
{
	return (uint32_t)(((uint64_t)flow_hash * ECMP_BUCKETS) >> 32);
}
