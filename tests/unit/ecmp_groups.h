/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dice.h"
#include "ecmp.h"

/* What the tests of the bucket table share: random groups, and what must hold for every table. */

#define CASES 3000
#define LIGHT_WEIGHT 8

static int
reseed(void **state)
{
	(void)state;
	dice_seed(20);
	return 0;
}

/* A group with members of weights 1 .. `heaviest`, all up. Ids are not indices. */
static inline unsigned
random_group(struct ecmp_member members[], unsigned largest, unsigned heaviest)
{
	unsigned n = 1 + dice_below(largest);

	for (unsigned i = 0; i < n; i++)
		members[i] = (struct ecmp_member) { .id = 1000 + 7 * i,
			.weight = (uint16_t)(1 + dice_below(heaviest)),
			.up = true,
			.name = 1000 + 7 * i };
	return n;
}

struct counts {
	unsigned of[GROUP_MEMBERS_MAX];
};

static inline struct counts
count(const uint8_t column[])
{
	struct counts counts = { 0 };

	for (unsigned b = 0; b < ECMP_BUCKETS; b++)
		counts.of[column[b]]++;
	return counts;
}

static inline unsigned
moved(const uint8_t a[], const uint8_t b[])
{
	unsigned n = 0;

	for (unsigned i = 0; i < ECMP_BUCKETS; i++)
		n += a[i] != b[i];
	return n;
}

enum among { AMONG_ALL, AMONG_UP };

/* Exact share of a member, in buckets. */
static inline double
ideal(const struct ecmp_table *table, unsigned member, enum among among)
{
	double all = 0;

	for (unsigned i = 0; i < table->n_members; i++)
		if (among == AMONG_ALL || table->members[i].up)
			all += table->members[i].weight;
	return ECMP_BUCKETS * table->members[member].weight / all;
}

static inline void
assert_same_buckets(const struct ecmp_table *a, const struct ecmp_table *b)
{
	assert_memory_equal(a->home, b->home, sizeof(a->home));
	assert_memory_equal(a->active, b->active, sizeof(a->active));
}

/* What holds for every table: homes by largest remainder, flows only to members that are up, their
 * home first, and actives close to their share. */
static inline void
assert_sound(const struct ecmp_table *table, double tolerance)
{
	struct counts homes = count(table->home), actives = count(table->active);
	double least = 1, most = -1;
	unsigned up = 0;

	for (unsigned i = 0; i < table->n_members; i++) {
		double over = homes.of[i] - ideal(table, i, AMONG_ALL);

		least = over < least ? over : least;
		most = over > most ? over : most;
		up += table->members[i].up;
	}
	/* Nobody could give a bucket to another and both come nearer: largest remainders. */
	assert_true(most - least <= 1 + 1e-9);
	assert_true(least > -1 && most < 1);
	for (unsigned b = 0; b < ECMP_BUCKETS; b++) {
		assert_true(table->home[b] < table->n_members);
		if (table->members[table->home[b]].up || up == 0)
			assert_int_equal(table->active[b], table->home[b]);
		else
			assert_true(table->members[table->active[b]].up);
	}
	for (unsigned i = 0; i < table->n_members && up > 0; i++) {
		double over = actives.of[i] - ideal(table, i, AMONG_UP);

		if (!table->members[i].up)
			assert_int_equal(actives.of[i], 0);
		else if (over > tolerance || over < -tolerance)
			fail_msg("member %u of %u: %u buckets, %+.2f", i, table->n_members,
				actives.of[i], over);
	}
}

/* Takes the member at `place` out of the list; returns how many are left. */
static inline unsigned
leave(struct ecmp_member members[], unsigned n, unsigned place)
{
	for (unsigned i = place + 1; i < n; i++)
		members[i - 1] = members[i];
	return n - 1;
}

/* Puts a new member in at `place`, up and of weight 1; returns how many there are. */
static inline unsigned
join(struct ecmp_member members[], unsigned n, unsigned place, uint32_t id)
{
	for (unsigned i = n; i > place; i--)
		members[i] = members[i - 1];
	members[place] = (struct ecmp_member) { .id = id, .weight = 1, .up = true, .name = id };
	return n + 1;
}
