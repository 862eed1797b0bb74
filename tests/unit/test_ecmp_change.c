/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "compiler.h"
#include "ecmp_groups.h"

/* The bucket table when its set of members or their weights change. */

static int
descending(const void *a, const void *b)
{
	const unsigned *x = a, *y = b;

	return (*x < *y) - (*x > *y);
}

/* The fewest buckets that must find another home when members of equal weight held `held` and n
 * share now: the 840 % n that get one more are those that hold most. */
static unsigned
fewest_moves(unsigned held[], unsigned n)
{
	unsigned kept = 0;

	qsort(held, n, sizeof(held[0]), descending);
	for (unsigned i = 0; i < n; i++) {
		unsigned share = ECMP_BUCKETS / n + (i < ECMP_BUCKETS % n);

		kept += held[i] < share ? held[i] : share;
	}
	return ECMP_BUCKETS - kept;
}

enum { JOINS, LEAVES, IS_EXCHANGED };

/* A member joins, leaves or is exchanged, wherever it stands in the list. */
static void
membership_changes_move_the_minimum(void **state)
{
	(void)state;
	for (unsigned c = 0; c < CASES; c++) {
		struct ecmp_member members[GROUP_MEMBERS_MAX];
		struct ecmp_table old, new;
		unsigned n = random_group(members, GROUP_MEMBERS_MAX - 1, 1);
		unsigned kind = c % 3, other = 0;
		unsigned held[GROUP_MEMBERS_MAX] = { 0 };

		ecmp_build(&old, members, n, NULL);
		if (kind != JOINS && n > 1)
			n = leave(members, n, dice_below(n));
		if (kind != LEAVES)
			n = join(members, n, dice_below(n + 1), 5);
		ecmp_build(&new, members, n, &old);
		assert_sound(&new, 1);
		for (unsigned b = 0; b < ECMP_BUCKETS; b++) {
			uint32_t was = old.members[old.home[b]].id;

			other += was != new.members[new.home[b]].id;
			for (unsigned i = 0; i < n; i++)
				held[i] += members[i].id == was;
		}
		assert_int_equal(other, fewest_moves(held, n));
	}
}

/* A change of weight, up or down, keeps as many buckets as the new shares allow. */
static void
weight_changes_move_the_minimum(void **state)
{
	(void)state;
	for (unsigned c = 0; c < CASES; c++) {
		struct ecmp_member members[12];
		struct ecmp_table old, new;
		unsigned n = random_group(members, ARRAY_LEN(members), LIGHT_WEIGHT), lost = 0;
		struct counts before, after;

		ecmp_build(&old, members, n, NULL);
		members[dice_below(n)].weight = (uint16_t)(1 + dice_below(LIGHT_WEIGHT));
		ecmp_build(&new, members, n, &old);
		assert_sound(&new, 1);
		before = count(old.home);
		after = count(new.home);
		for (unsigned i = 0; i < n; i++)
			lost += before.of[i] > after.of[i] ? before.of[i] - after.of[i] : 0;
		assert_int_equal(moved(old.home, new.home), lost);
	}
}

/* A new member that is down takes homes, but no flow. */
static void
a_member_that_joins_down_moves_no_flow(void **state)
{
	struct ecmp_member members[3] = {
		{ .id = 1, .weight = 1, .up = true },
		{ .id = 2, .weight = 1, .up = true },
		{ .id = 3, .weight = 1, .up = false },
	};
	struct ecmp_table two, three;

	(void)state;
	ecmp_build(&two, members, 2, NULL);
	ecmp_build(&three, members, 3, &two);
	assert_sound(&three, 0);
	assert_memory_equal(three.active, two.active, sizeof(two.active));
}

/* How many flows go to another member, whatever its index. */
static unsigned
flows_moved(const struct ecmp_table *a, const struct ecmp_table *b)
{
	unsigned n = 0;

	for (unsigned bucket = 0; bucket < ECMP_BUCKETS; bucket++)
		n += a->members[a->active[bucket]].id != b->members[b->active[bucket]].id;
	return n;
}

static bool
all_up(const struct ecmp_table *table)
{
	for (unsigned i = 0; i < table->n_members; i++)
		if (!table->members[i].up)
			return false;
	return true;
}

/* First a member is down, and then a routing protocol takes it out: the second moves nothing. When
 * it is put back, and all are up, it takes its share, and nothing else moves. After any history. */
static void
leaving_after_being_down_moves_no_flow(void **state)
{
	(void)state;
	for (unsigned c = 0; c < CASES; c++) {
		struct ecmp_member members[GROUP_MEMBERS_MAX];
		struct ecmp_table tables[2], down, gone, back;
		unsigned n = 2 + dice_below(7), lost, taken = 0;

		for (unsigned i = 0; i < n; i++)
			members[i] = (struct ecmp_member) { 1000 + 7 * i, 1, true, 1000 + 7 * i };
		ecmp_build(&tables[0], members, n, NULL);
		for (unsigned step = 1; step <= c % 8; step++) {
			members[dice_below(n)].up ^= 1;
			ecmp_build(&tables[step & 1], members, n, &tables[~step & 1]);
		}
		struct ecmp_table *before = &tables[c % 8 & 1];

		lost = dice_below(n);
		members[lost].up = false;
		ecmp_build(&down, members, n, before);
		members[(lost + 1) % n].up = true; /* so that somebody is */
		ecmp_build(before, members, n, &down);
		const struct ecmp_member leaver = members[lost];
		ecmp_build(&gone, members, leave(members, n, lost), before);
		assert_int_equal(flows_moved(before, &gone), 0);

		join(members, n - 1, lost, leaver.id);
		ecmp_build(&back, members, n, &gone);
		for (unsigned bucket = 0; bucket < ECMP_BUCKETS; bucket++)
			taken += back.active[bucket] == lost;
		if (all_up(&gone))
			assert_int_equal(flows_moved(&gone, &back), taken);
		assert_sound(&back, 1);
	}
}

/* How many homes of the whole group's are those of another among these. */
static unsigned
homes_lost(const struct ecmp_table *whole, const struct ecmp_table *table)
{
	unsigned lost = 0;

	for (unsigned b = 0; b < ECMP_BUCKETS; b++)
		lost += whole->members[whole->home[b]].name != table->members[table->home[b]].name;
	return lost;
}

/* A member that comes back has another id, as a next hop's is that nobody used meanwhile. */
static unsigned
come_back(struct ecmp_member members[], unsigned n, uint64_t name)
{
	static uint32_t id = 1000000;
	unsigned place = dice_below(n + 1);

	n = join(members, n, place, id++);
	members[place].name = name;
	return n;
}

/* However a group has grown, who leaves and comes back gets the very homes that it had; and so do,
 * but for a few, two who were away at the same time. */
static void
who_comes_back_gets_its_homes_back(void **state)
{
	unsigned most = 0;

	(void)state;
	for (unsigned c = 0; c < CASES / 5; c++) {
		struct ecmp_member members[8];
		struct ecmp_table tables[2], whole;
		unsigned n = 0, of = 3 + dice_below(6), lost;

		for (unsigned i = 0; i < of; i++) {
			n = join(members, n, dice_below(n + 1), 100 + i);
			ecmp_build(&tables[i % 2], members, n, i == 0 ? NULL : &tables[~i % 2]);
		}
		whole = tables[(of - 1) % 2];
		for (unsigned round = 0; round < 3; round++) {
			unsigned place = dice_below(n);
			uint64_t first = members[place].name;

			ecmp_build(&tables[0], members, n = leave(members, n, place), &whole);
			assert_int_equal(homes_lost(&whole, &tables[0]), ECMP_BUCKETS / of);
			place = dice_below(n);
			uint64_t second = members[place].name;
			ecmp_build(&tables[1], members, n = leave(members, n, place), &tables[0]);

			n = come_back(members, n, round == 0 ? first : second);
			ecmp_build(&tables[0], members, n, &tables[1]);
			assert_sound(&tables[0], 1);
			n = come_back(members, n, round == 0 ? second : first);
			ecmp_build(&tables[1], members, n, &tables[0]);
			assert_sound(&tables[1], 0);
			lost = homes_lost(&whole, &tables[1]);
			if (round > 0)
				assert_int_equal(lost, 0);
			most = lost > most ? lost : most;
			whole = tables[1];
		}
	}
	/* Where they come in the order that they went, least movement comes first. */
	assert_in_range(most, 1, ECMP_BUCKETS / 20);
}

/* Whatever came before: strangers without end, most of whom are away for good. */
static void
after_any_history_too(void **state)
{
	struct ecmp_member members[8];
	struct ecmp_table tables[2], whole, without;
	unsigned n = 0, turn = 0;

	(void)state;
	for (unsigned step = 0; step < CASES; step++, turn ^= 1) {
		if (n == ARRAY_LEN(members) || (n > 1 && dice_below(2) == 0))
			n = leave(members, n, dice_below(n));
		else
			n = join(members, n, dice_below(n + 1), 1 + step);
		ecmp_build(&tables[turn], members, n, step == 0 ? NULL : &tables[!turn]);
		assert_sound(&tables[turn], 1);
		if (n < 2)
			continue;
		whole = tables[turn];
		unsigned place = dice_below(n);
		uint64_t name = members[place].name;
		ecmp_build(&without, members, n = leave(members, n, place), &whole);
		ecmp_build(&tables[turn], members, n = come_back(members, n, name), &without);
		assert_int_equal(homes_lost(&whole, &tables[turn]), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(membership_changes_move_the_minimum, reseed),
		cmocka_unit_test_setup(weight_changes_move_the_minimum, reseed),
		cmocka_unit_test_setup(a_member_that_joins_down_moves_no_flow, reseed),
		cmocka_unit_test_setup(leaving_after_being_down_moves_no_flow, reseed),
		cmocka_unit_test_setup(who_comes_back_gets_its_homes_back, reseed),
		cmocka_unit_test_setup(after_any_history_too, reseed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
