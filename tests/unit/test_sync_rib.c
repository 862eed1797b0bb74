/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The table of espalier-sync: which route of a prefix counts, what a round keeps and what it
 * sweeps, and that thousands of random sayings leave what a slow model says they do.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <linux/rtnetlink.h>

#include "dice.h"
#include "rib.h"

static struct rib rib;

static int
setup(void **state)
{
	(void)state;
	return rib_open(&rib);
}

static int
teardown(void **state)
{
	(void)state;
	rib_close(&rib);
	return 0;
}

static struct learned_route
route(uint32_t network, uint32_t metric, uint32_t ifindex)
{
	struct learned_route learned = {
		.prefix = { 0x64400000 + network * 256, 24 },
		.table = RT_TABLE_MAIN,
		.facts = { .metric = metric,
			.protocol = RTPROT_BOOT,
			.type = RTN_UNICAST,
			.n_hops = 1 },
	};

	learned.hops[0] = (struct hop) { .ifindex = ifindex, .weight = 1 };
	return learned;
}

static void
say(enum rib_saying how, uint32_t network, uint32_t metric, uint32_t ifindex)
{
	const struct learned_route learned = route(network, metric, ifindex);

	assert_true(rib_set(&rib, &learned, how));
}

static void
unsay(uint32_t network, uint32_t metric, uint32_t ifindex)
{
	const struct learned_route learned = route(network, metric, ifindex);

	rib_remove(&rib, &learned);
}

/* The interface of the best route, or 0. */
static uint32_t
best(uint32_t network)
{
	const struct rib_entry *entry = rib_find(&rib, route(network, 0, 0).prefix);
	const struct rib_route *first = entry == NULL ? NULL : entry->routes;

	while (first != NULL && first->gone)
		first = first->next;
	return first == NULL ? 0 : first->hops[0].ifindex;
}

/* Deals with all news, as a sender would whose messages all arrive; the number of them. */
static unsigned
send_all(void)
{
	struct rib_entry *entry;
	unsigned n = 0;

	while ((entry = rib_take_dirty(&rib)) != NULL) {
		entry->installed = best((entry->prefix.address - 0x64400000) / 256) != 0;
		rib_judge(&rib, entry, entry->installed ? RIB_CARRIED : RIB_NOTHING);
		n++;
	}
	return n;
}

static void
test_the_lowest_metric_counts(void **state)
{
	(void)state;
	say(RIB_ADDED, 1, 20, 1);
	assert_int_equal(best(1), 1);
	say(RIB_ADDED, 1, 10, 2);
	assert_int_equal(best(1), 2);
	say(RIB_ADDED, 1, 30, 3);
	assert_int_equal(best(1), 2);
	unsay(1, 10, 2);
	assert_int_equal(best(1), 1);
	unsay(1, 20, 1);
	assert_int_equal(best(1), 3);
	unsay(1, 30, 3);
	assert_int_equal(best(1), 0);
	assert_int_equal(rib.n_routes, 0);
}

/* `ip route prepend`, `append` and `replace` among routes of one metric. */
static void
test_the_order_of_equals(void **state)
{
	(void)state;
	say(RIB_ADDED, 1, 20, 1);
	say(RIB_APPENDED, 1, 20, 2);
	assert_int_equal(best(1), 1);
	say(RIB_ADDED, 1, 20, 3);
	assert_int_equal(best(1), 3);
	say(RIB_REPLACED, 1, 20, 4);
	assert_int_equal(best(1), 4);
	assert_int_equal(rib.n_routes, 3);
	unsay(1, 20, 4);
	assert_int_equal(best(1), 1);
	unsay(1, 20, 1);
	assert_int_equal(best(1), 2);
}

static void
test_what_is_the_same_is_no_news(void **state)
{
	(void)state;
	for (uint32_t network = 0; network < 5000; network++)
		say(RIB_ADDED, network, 0, 1);
	assert_int_equal(send_all(), 5000);
	for (uint32_t network = 0; network < 5000; network++)
		say(RIB_REPLACED, network, 0, 1);
	assert_int_equal(send_all(), 0);
	assert_int_equal(rib.n_routes, 5000);
}

static void
test_many_changes_are_one(void **state)
{
	(void)state;
	for (uint32_t ifindex = 1; ifindex < 100; ifindex++)
		say(RIB_REPLACED, 1, 0, ifindex);
	assert_int_equal(send_all(), 1);
	/* Deleted and added again, as in one frame of FPM. */
	unsay(1, 0, 99);
	say(RIB_REPLACED, 1, 0, 99);
	assert_int_equal(send_all(), 1);
	assert_int_equal(best(1), 99);
}

static void
test_a_round_sweeps_what_it_did_not_say(void **state)
{
	(void)state;
	for (uint32_t network = 0; network < 10; network++)
		say(RIB_ADDED, network, 0, 1);
	send_all();
	rib_round_begin(&rib);
	assert_int_equal(rib.n_stale, 10);
	for (uint32_t network = 0; network < 7; network++)
		say(RIB_LISTED, network, 0, network == 3 ? 2 : 1);
	assert_int_equal(best(9), 1);     /* until the end */
	assert_int_equal(rib.n_stale, 4); /* three, and the other route of 3 */
	assert_int_equal(rib_round_end(&rib), 4);
	assert_int_equal(send_all(), 4);
	assert_int_equal(best(3), 2);
	assert_int_equal(best(9), 0);
	assert_int_equal(rib.n_entries, 7);
}

static void
test_a_round_that_is_broken_off_sweeps_nothing(void **state)
{
	(void)state;
	say(RIB_ADDED, 1, 0, 1);
	say(RIB_ADDED, 2, 0, 1);
	rib_round_begin(&rib);
	say(RIB_LISTED, 1, 0, 1);
	rib_round_abandon(&rib);
	assert_int_equal(rib.n_routes, 2);
	rib_round_begin(&rib);
	assert_int_equal(rib.n_stale, 2);
	say(RIB_LISTED, 2, 0, 1);
	assert_int_equal(rib_round_end(&rib), 1);
	assert_int_equal(best(1), 0);
}

/* A listing is written piece by piece, and events that come before a piece are newer than it. */
static void
test_events_overrule_a_listing(void **state)
{
	(void)state;
	say(RIB_ADDED, 1, 0, 1);
	say(RIB_ADDED, 2, 0, 1);
	rib_round_begin(&rib);
	unsay(1, 0, 1);
	say(RIB_LISTED, 1, 0, 1); /* late */
	say(RIB_REPLACED, 2, 0, 5);
	say(RIB_LISTED, 2, 0, 1); /* late */
	say(RIB_ADDED, 3, 0, 1);  /* not listed at all */
	rib_round_end(&rib);
	assert_int_equal(best(1), 0);
	assert_int_equal(best(2), 5);
	assert_int_equal(best(3), 1);
	assert_int_equal(rib.n_routes, 2);
	/* In the next round the listing counts again. */
	rib_round_begin(&rib);
	say(RIB_LISTED, 1, 0, 1);
	rib_round_end(&rib);
	assert_int_equal(best(1), 1);
	assert_int_equal(best(2), 0);
}

static void
test_what_is_learned_is_stale(void **state)
{
	const struct learned_route one = route(1, 0, 1), two = route(2, 0, 1);

	(void)state;
	say(RIB_REPLACED, 2, 0, 7);
	assert_true(rib_learn(&rib, &one));
	assert_true(rib_learn(&rib, &two));
	assert_int_equal(best(2), 7);
	rib_round_begin(&rib);
	assert_true(rib_learn(&rib, &one));
	say(RIB_REPLACED, 2, 0, 7);
	assert_int_equal(rib.n_stale, 1);
	assert_int_equal(rib_round_end(&rib), 1);
	assert_int_equal(best(1), 0);
}

/* 64 prefixes, one route each: the interface it should have, and 0 for none. */
static void
test_random_sayings_against_a_model(void **state)
{
	uint32_t model[64] = { 0 };
	uint32_t confirmed[64] = { 0 };

	(void)state;
	dice_seed(11);
	for (unsigned turn = 0; turn < 200000; turn++) {
		uint32_t network = dice_below(64), ifindex = 1 + dice_below(3);

		switch (dice_below(8)) {
		case 0:
			unsay(network, 0, model[network]);
			model[network] = 0;
			break;
		case 1:
			if (dice_below(100) > 0)
				break;
			for (network = 0; rib.in_round && network < 64; network++)
				if (!confirmed[network])
					model[network] = 0;
			if (rib.in_round)
				rib_round_end(&rib);
			else
				rib_round_begin(&rib);
			memset(confirmed, 0, sizeof(confirmed));
			break;
		case 2:
			send_all();
			break;
		default:
			say(RIB_REPLACED, network, 0, ifindex);
			model[network] = ifindex;
			confirmed[network] = 1;
		}
		assert_int_equal(best(network % 64), model[network % 64]);
	}
	uint32_t alive = 0;
	for (uint32_t network = 0; network < 64; network++) {
		assert_int_equal(best(network), model[network]);
		alive += model[network] != 0;
	}
	assert_int_equal(rib.n_routes, alive);
	if (rib.in_round)
		rib_round_abandon(&rib);
	send_all();
	assert_int_equal(rib.n_entries, alive);
	assert_int_equal(rib.n_verdicts[RIB_CARRIED], alive);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_lowest_metric_counts),
		TEST(test_the_order_of_equals),
		TEST(test_what_is_the_same_is_no_news),
		TEST(test_many_changes_are_one),
		TEST(test_a_round_sweeps_what_it_did_not_say),
		TEST(test_a_round_that_is_broken_off_sweeps_nothing),
		TEST(test_events_overrule_a_listing),
		TEST(test_what_is_learned_is_stale),
		TEST(test_random_sayings_against_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
