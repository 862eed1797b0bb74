/* SPDX-License-Identifier: BSD-3-Clause */

/* Owners without end, and places for 32. */

#include "route_talk.h"

static struct talker other, third, ear;

/* Begins a round of the n-th of many owners. */
static int
begin_numbered(struct talker *talker, unsigned n)
{
	char name[OWNER_NAME_BYTES];

	snprintf(name, sizeof(name), "owner-%u", n);
	return begin_round(talker, name);
}

static void
owners_who_are_gone_make_room(void **state)
{
	(void)state;
	talker_open(&rw, SESSION_READ_WRITE);
	talker_open(&other, SESSION_READ_WRITE);
	talker_open(&third, SESSION_READ_WRITE);
	talker_open(&ear, SESSION_READ_ONLY);
	for (unsigned n = 0; n < 2 * OWNERS_MAX; n++)
		assert_int_equal(begin_numbered(&rw, n), 0); /* each leaves the one before */

	/* All but these two have something. */
	for (unsigned n = 0; n < OWNERS_MAX - 2; n++) {
		assert_int_equal(begin_numbered(&rw, n), 0);
		assert_int_equal(n == 0 ? set_lan_neighbor(&rw, 1)
					: set_route(&rw, ADD, numbered(n), 0, CONN(1)),
			0);
	}
	assert_int_equal(begin_round(&other, "superseded"), 0);
	assert_int_equal(begin_round(&rw, "superseded"), 0);
	assert_int_equal(begin_round(&rw, "last"), 0);
	assert_int_equal(begin_round(&ear, "one-more"), EPERM);
	assert_int_equal(begin_round(&third, "one-more"), ENOSPC);
	assert_words("no room for 'one-more'");

	/* Whose name passes on keeps nothing, and who is left keeps all. */
	sweep_all(&rw, "owner-7");
	assert_false(exists(numbered(7)));
	assert_int_equal(begin_round(&third, "one-more"), 0); /* in last's place */
	assert_int_equal(begin_round(&rw, "owner-8"), 0);
	assert_int_equal(begin_round(&rw, "last"), 0); /* in owner-7's */
	assert_int_equal(commit(&third), 0);
	assert_int_equal(commit(&rw), 0);
	assert_true(exists(numbered(6)) && exists(numbered(8)) && neighbor_is_there());
	owner_leave(&third.session);
	for (unsigned n = 0; n < OWNERS_MAX - 2; n++)
		if (n != 7) {
			assert_int_equal(begin_numbered(&rw, n), 0);
			assert_int_equal(commit(&rw), 0);
		}
	assert_false(exists(numbered(8)) || neighbor_is_there());
	talker_close(&rw);
	talker_close(&other);
	talker_close(&third);
	talker_close(&ear);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(owners_who_are_gone_make_room),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
