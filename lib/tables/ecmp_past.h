/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "ecmp.h"

/* What a bucket table was before it is built anew: ecmp.c's memory. Control only; pure. */

/* Indices of members are those of the new table. */
struct ecmp_past {
	/* Where the home is gone, whoever served for it: so a member that was down before it left
	 * moves nothing by leaving. ECMP_NOBODY: gone as well. */
	uint8_t home[ECMP_BUCKETS];
	uint8_t active[ECMP_BUCKETS];
	bool up[GROUP_MEMBERS_MAX]; /* of each new member: it was there, and up */
	/* Who comes back to the bucket, which was its home when it left; ECMP_NOBODY: nobody. */
	uint8_t due[ECMP_BUCKETS];
	bool vacant[ECMP_BUCKETS]; /* it was the home of a member that is away */
	bool returns;              /* somebody comes back, */
	bool newcomer;             /* or comes who had nothing here before */
};

/* What `previous` (NULL: there is none) says, in the terms of the table's members, which are set.
 * The table remembers who is away. */
void ecmp_past_recall(
	struct ecmp_past *past, struct ecmp_table *table, const struct ecmp_table *previous);

/* Where somebody comes back, the plan of homes is what was before he left. */
void ecmp_past_prefer(const struct ecmp_past *past, uint8_t plan[ECMP_BUCKETS]);
