/* SPDX-License-Identifier: BSD-3-Clause */
#include "compiler.h"
#include "ecmp_groups.h"

/* The bucket table when members go down and come back. */

static void
equal_members_are_exactly_even(void **state)
{
	struct ecmp_member members[8];
	struct ecmp_table table;

	(void)state;
	for (unsigned n = 1; n <= 8; n++) {
		struct counts homes;

		for (unsigned i = 0; i < n; i++)
			members[i] = (struct ecmp_member) { .id = i, .weight = 3, .up = true };
		ecmp_build(&table, members, n, NULL);
		assert_sound(&table, 0);
		homes = count(table.home);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(homes.of[i], ECMP_BUCKETS / n);
		/* Neighbouring buckets differ: a run of hashes does not end on one member. */
		for (unsigned b = 0; n > 1 && b < ECMP_BUCKETS; b++)
			assert_int_not_equal(table.home[b], table.home[(b + 1) % ECMP_BUCKETS]);
	}
}

/* Whatever subset of up to eight equal members is up, in whatever order they went and came. */
static void
equal_survivors_are_exactly_even(void **state)
{
	(void)state;
	for (unsigned c = 0; c < CASES / 10; c++) {
		struct ecmp_member members[8];
		struct ecmp_table tables[2];
		unsigned n = random_group(members, 8, 1);

		ecmp_build(&tables[0], members, n, NULL);
		for (unsigned step = 1; step < 20; step++) {
			members[dice_below(n)].up ^= 1;
			ecmp_build(&tables[step & 1], members, n, &tables[~step & 1]);
			/* 840 / up is whole, so no tolerance. */
			assert_sound(&tables[step & 1], 0);
		}
	}
}

static void
weights_are_honoured_within_a_bucket(void **state)
{
	(void)state;
	for (unsigned c = 0; c < CASES; c++) {
		struct ecmp_member members[GROUP_MEMBERS_MAX];
		struct ecmp_table table;
		unsigned n = random_group(members, GROUP_MEMBERS_MAX, c % 2 ? 256 : LIGHT_WEIGHT);

		ecmp_build(&table, members, n, NULL);
		assert_sound(&table, 1);
	}
}

static void
losing_one_moves_only_its_buckets_and_its_return_restores(void **state)
{
	(void)state;
	for (unsigned c = 0; c < CASES; c++) {
		struct ecmp_member members[GROUP_MEMBERS_MAX];
		struct ecmp_table whole, without, again;
		unsigned n = random_group(members, GROUP_MEMBERS_MAX, c % 2 ? 256 : 1);
		unsigned lost = dice_below(n);

		ecmp_build(&whole, members, n, NULL);
		members[lost].up = false;
		ecmp_build(&without, members, n, &whole);
		assert_sound(&without, 1);
		assert_memory_equal(without.home, whole.home, sizeof(whole.home));
		for (unsigned b = 0; b < ECMP_BUCKETS; b++)
			if (whole.active[b] != lost)
				assert_int_equal(without.active[b], whole.active[b]);
		members[lost].up = true;
		ecmp_build(&again, members, n, &without);
		assert_same_buckets(&again, &whole);
	}
}

/* Members go one after the other: those that stay lose no bucket, at any step. */
static void
survivors_of_many_losses_keep_all_they_have(void **state)
{
	(void)state;
	for (unsigned c = 0; c < CASES / 30; c++) {
		struct ecmp_member members[GROUP_MEMBERS_MAX];
		struct ecmp_table tables[2];
		unsigned n = random_group(members, GROUP_MEMBERS_MAX, c % 2 ? 256 : LIGHT_WEIGHT);

		ecmp_build(&tables[0], members, n, NULL);
		for (unsigned step = 1; step < n; step++) {
			struct ecmp_table *was = &tables[~step & 1], *is = &tables[step & 1];
			unsigned lost = dice_below(n);

			members[lost].up = false;
			ecmp_build(is, members, n, was);
			for (unsigned b = 0; b < ECMP_BUCKETS; b++)
				if (was->active[b] != lost && members[was->active[b]].up)
					assert_int_equal(is->active[b], was->active[b]);
			assert_sound(is, 1);
		}
	}
}

/* The tunnel fails, then BGP withdraws it, then announces it again: a group of all, one without it,
 * one of all again. The first is the failure's own step, and the last is as if nothing had been. */
static void
a_set_that_lost_one_and_has_it_again_is_the_same(void **state)
{
	(void)state;
	for (unsigned c = 0; c < CASES; c++) {
		struct ecmp_member members[GROUP_MEMBERS_MAX], rest[GROUP_MEMBERS_MAX];
		struct ecmp_table whole, failed, withdrawn, again;
		unsigned n = 2 + dice_below(7);
		unsigned lost = dice_below(n), n_rest = 0;

		for (unsigned i = 0; i < n; i++) {
			members[i] = (struct ecmp_member) { .id = i, .weight = 1, .up = true };
			if (i != lost)
				rest[n_rest++] = members[i];
		}
		ecmp_build(&whole, members, n, NULL);
		members[lost].up = false;
		ecmp_build(&failed, members, n, &whole);
		ecmp_build(&withdrawn, rest, n_rest, c % 2 ? &failed : &whole);
		for (unsigned b = 0; b < ECMP_BUCKETS; b++)
			assert_int_equal(rest[withdrawn.active[b]].id, failed.active[b]);
		members[lost].id = 100; /* may be known by another id now */
		members[lost].up = true;
		ecmp_build(&again, members, n, &withdrawn);
		assert_memory_equal(again.home, whole.home, sizeof(whole.home));
		assert_memory_equal(again.active, whole.active, sizeof(whole.active));
	}
}

/* Two are down and one comes back: it gets its homes and its part of what the other left; what
 * moves besides is no more than the shares ask for, and nothing that has its home. */
static void
returning_takes_back_its_share_only(void **state)
{
	(void)state;
	for (unsigned c = 0; c < CASES; c++) {
		struct ecmp_member members[16];
		struct ecmp_table whole, one_down, two_down, back;
		unsigned n = 3 + dice_below(14);
		unsigned first, second, needed = 0, seen = 0;
		struct counts held = { 0 }, got = { 0 };

		for (unsigned i = 0; i < n; i++)
			members[i] = (struct ecmp_member) { .id = i, .weight = 1, .up = true };
		first = dice_below(n);
		second = (first + 1 + dice_below(n - 1)) % n;
		ecmp_build(&whole, members, n, NULL);
		members[first].up = false;
		ecmp_build(&one_down, members, n, &whole);
		members[second].up = false;
		ecmp_build(&two_down, members, n, &one_down);
		members[second].up = true;
		ecmp_build(&back, members, n, &two_down);
		assert_sound(&back, 1);
		for (unsigned b = 0; b < ECMP_BUCKETS; b++) {
			if (whole.home[b] != first)
				continue;
			held.of[two_down.active[b]]++;
			got.of[back.active[b]]++;
			seen += two_down.active[b] != back.active[b];
		}
		for (unsigned i = 0; i < n; i++)
			needed += got.of[i] > held.of[i] ? got.of[i] - held.of[i] : 0;
		assert_int_equal(seen, needed);
		/* All others that moved are the homes of the one that came back. */
		assert_int_equal(
			moved(two_down.active, back.active) - seen, count(whole.home).of[second]);
	}
}

/* Hundreds of random events on one group: shares stay right, and what is the same stays the same.
 */
static void
any_history_stays_sound(void **state)
{
	(void)state;
	for (unsigned c = 0; c < CASES / 30; c++) {
		struct ecmp_member members[GROUP_MEMBERS_MAX];
		struct ecmp_table tables[2];
		unsigned n = random_group(members, 12, c % 2 ? LIGHT_WEIGHT : 1);

		ecmp_build(&tables[0], members, n, NULL);
		for (unsigned step = 1; step < 100; step++) {
			struct ecmp_table *was = &tables[~step & 1], *is = &tables[step & 1];
			struct ecmp_table twin;
			unsigned event = dice_below(10);

			if (event == 0 && n > 1)
				n = leave(members, n, dice_below(n));
			else if (event == 1 && n < 16)
				n = join(members, n, dice_below(n + 1), step);
			else if (event == 2)
				members[dice_below(n)].weight =
					(uint16_t)(1 + dice_below(c % 2 ? 8 : 1));
			else
				members[dice_below(n)].up ^= 1;
			ecmp_build(is, members, n, was);
			assert_sound(is, 1);
			ecmp_build(&twin, members, n, was);
			assert_same_buckets(&twin, is);
			ecmp_build(&twin, members, n, is);
			assert_same_buckets(&twin, is);
		}
	}
}

static void
with_nobody_up_actives_are_homes(void **state)
{
	(void)state;
	for (unsigned c = 0; c < CASES / 10; c++) {
		struct ecmp_member members[GROUP_MEMBERS_MAX];
		struct ecmp_table whole, none, again;
		unsigned n = random_group(members, GROUP_MEMBERS_MAX, LIGHT_WEIGHT);

		ecmp_build(&whole, members, n, NULL);
		for (unsigned i = 0; i < n; i++)
			members[i].up = false;
		ecmp_build(&none, members, n, &whole);
		assert_memory_equal(none.home, whole.home, sizeof(none.home));
		assert_memory_equal(none.active, whole.home, sizeof(none.active));
		memcpy(members, whole.members, sizeof(members));
		ecmp_build(&again, members, n, &none);
		assert_same_buckets(&again, &whole);
	}
}

/* Every bucket gets the same number of hashes, within one in five million. */
static void
hashes_reach_all_buckets_alike(void **state)
{
	(void)state;
	assert_int_equal(ecmp_bucket(0), 0);
	assert_int_equal(ecmp_bucket(UINT32_MAX), ECMP_BUCKETS - 1);
	for (uint64_t b = 0; b < ECMP_BUCKETS; b++) {
		uint32_t first = (uint32_t)(((b << 32) + ECMP_BUCKETS - 1) / ECMP_BUCKETS);

		assert_int_equal(ecmp_bucket(first), b);
		if (b > 0)
			assert_int_equal(ecmp_bucket(first - 1), b - 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(equal_members_are_exactly_even, reseed),
		cmocka_unit_test_setup(equal_survivors_are_exactly_even, reseed),
		cmocka_unit_test_setup(weights_are_honoured_within_a_bucket, reseed),
		cmocka_unit_test_setup(
			losing_one_moves_only_its_buckets_and_its_return_restores, reseed),
		cmocka_unit_test_setup(a_set_that_lost_one_and_has_it_again_is_the_same, reseed),
		cmocka_unit_test_setup(survivors_of_many_losses_keep_all_they_have, reseed),
		cmocka_unit_test_setup(returning_takes_back_its_share_only, reseed),
		cmocka_unit_test_setup(any_history_stays_sound, reseed),
		cmocka_unit_test_setup(with_nobody_up_actives_are_homes, reseed),
		cmocka_unit_test(hashes_reach_all_buckets_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
