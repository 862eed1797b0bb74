/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * espalier-sync's routes by nexthop objects, when the source forgets its numbers: each route comes
 * to the same as before, whatever the numbers mean next.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/rtnetlink.h>

#include "compiler.h"
#include "feed_parts.h"

enum { TUNNEL_1 = 11, TUNNEL_2, TUNNEL_3, OTHER = 99 };

static struct feed feed;

static int
setup(void **state)
{
	(void)state;
	memset(&feed, 0, sizeof(feed));
	for (uint32_t tunnel = TUNNEL_1; tunnel <= TUNNEL_3; tunnel++) {
		const struct learned_link link = { .ifindex = tunnel, .point_to_point = true };

		assert_true(interfaces_add_link(&feed.interfaces, &link));
	}
	interfaces_settle(&feed.interfaces);
	return rib_open(&feed.rib);
}

static int
teardown(void **state)
{
	(void)state;
	interfaces_clear(&feed.interfaces);
	nexthops_close(&feed.nexthops);
	rib_close(&feed.rib);
	return 0;
}

static struct prefix
prefix_of(uint32_t number)
{
	return (struct prefix) { 0x64400000 + number * 256, 24 };
}

/* Route `number` names the object `id`, as one of type `type` with these ways of its own. */
static void
set_route(uint32_t number, uint32_t id, uint8_t type, const struct hop *own)
{
	static struct learned_route route;

	route = (struct learned_route) {
		.prefix = prefix_of(number),
		.table = RT_TABLE_MAIN,
		.facts = { .nexthop_id = id, .protocol = RTPROT_BGP, .type = type },
	};
	if (own != NULL)
		route.hops[route.facts.n_hops++] = *own;
	assert_true(rib_set(&feed.rib, &route, RIB_REPLACED));
}

static void
set_way(uint32_t id, uint32_t ifindex)
{
	static struct learned_nexthop object;

	object = (struct learned_nexthop) {
		.id = id,
		.n_hops = 1,
		.hops = { { .ifindex = ifindex, .weight = 1 } },
	};
	assert_true(nexthops_set(&feed.nexthops, &object));
}

static enum rib_verdict
become(uint32_t number, struct espalier_route *result)
{
	const struct translation translation = { &feed.interfaces, &feed.nexthops, PROTOCOLS_ALL };

	memset(result, 0, sizeof(*result));
	return translate_entry(&translation, rib_find(&feed.rib, prefix_of(number)), result);
}

enum { WAY = 1, DEAD, BLACKHOLE, STRANGE, GROUP, UNKNOWN, OBJECTS };

static void
test_routes_stay_as_they_are(void **state)
{
	static const struct learned_nexthop objects[] = {
		{ .id = DEAD },
		{ .id = BLACKHOLE, .blackhole = true },
		{ .id = STRANGE, .strange = true, .n_hops = 1, .hops = { { TUNNEL_1, 0, 1 } } },
		{ .id = GROUP,
			.group = true,
			.n_hops = 3,
			.hops = { { WAY, 0, 3 }, { WAY + 20, 0, 1 }, { UNKNOWN, 0, 1 } } },
	};
	static const enum rib_verdict verdicts[OBJECTS] = {
		[WAY] = RIB_CARRIED,
		[DEAD] = RIB_FOREIGN,
		[BLACKHOLE] = RIB_CARRIED,
		[STRANGE] = RIB_STRANGE,
		[GROUP] = RIB_CARRIED,
		[UNKNOWN] = RIB_CARRIED, /* by the ways of its own */
	};
	static const struct hop own = { TUNNEL_2, 0, 1 };
	static struct espalier_route before[OBJECTS + 1], after;

	(void)state;
	set_way(WAY, TUNNEL_1);
	set_way(WAY + 20, TUNNEL_2);
	for (unsigned i = 0; i < ARRAY_LEN(objects); i++)
		assert_true(nexthops_set(&feed.nexthops, &objects[i]));
	for (uint32_t id = WAY; id < OBJECTS; id++)
		set_route(id, id, RTN_UNICAST, &own);
	set_route(OBJECTS, BLACKHOLE, RTN_PROHIBIT, NULL);
	for (uint32_t id = WAY; id < OBJECTS; id++)
		assert_int_equal(become(id, &before[id]), verdicts[id]);
	assert_int_equal(become(OBJECTS, &before[OBJECTS]), RIB_CARRIED);

	assert_true(feed_forget_nexthops(&feed));
	for (uint32_t id = WAY; id < OBJECTS; id++)
		set_way(id, TUNNEL_3);
	for (uint32_t id = WAY; id < OBJECTS; id++) {
		assert_int_equal(become(id, &after), verdicts[id]);
		if (verdicts[id] == RIB_CARRIED)
			assert_true(translate_same(&after, &before[id]));
	}
	assert_int_equal(become(OBJECTS, &after), RIB_CARRIED);
	assert_int_equal(after.type, RTN_PROHIBIT);
}

/* A change that had no time to be sent is not lost with the number. */
static void
test_what_changed_is_still_news(void **state)
{
	static struct espalier_route result;

	(void)state;
	set_way(WAY, TUNNEL_1);
	set_route(WAY, WAY, RTN_UNICAST, NULL);
	assert_non_null(rib_take_dirty(&feed.rib));
	set_way(WAY, TUNNEL_2);
	assert_true(feed_forget_nexthops(&feed));
	assert_non_null(rib_take_dirty(&feed.rib));
	assert_int_equal(become(WAY, &result), RIB_CARRIED);
	assert_int_equal(result.hops[0].ifindex, TUNNEL_2);
}

/* What the next source's numbers mean is no news for routes of the one before. */
static void
test_new_numbers_concern_new_routes(void **state)
{
	static struct espalier_route result;

	(void)state;
	set_way(WAY, TUNNEL_1);
	set_route(1, WAY, RTN_UNICAST, NULL);
	assert_non_null(rib_take_dirty(&feed.rib));
	assert_true(feed_forget_nexthops(&feed));
	set_way(WAY, TUNNEL_2);
	set_route(2, WAY, RTN_UNICAST, NULL);
	assert_int_equal(rib_take_dirty(&feed.rib)->prefix.address, prefix_of(2).address);
	set_way(WAY, TUNNEL_3);
	assert_true(feed_forget_nexthops(&feed));
	assert_int_equal(rib_take_dirty(&feed.rib)->prefix.address, prefix_of(2).address);
	assert_null(rib_take_dirty(&feed.rib));
	assert_int_equal(become(1, &result), RIB_CARRIED);
	assert_int_equal(result.hops[0].ifindex, TUNNEL_1);
	assert_int_equal(become(2, &result), RIB_CARRIED);
	assert_int_equal(result.hops[0].ifindex, TUNNEL_3);
}

/* What waits for an object that nobody will tell any more keeps what Espalier has. */
static void
test_what_waits_in_vain_goes_on_waiting(void **state)
{
	static struct espalier_route result;

	(void)state;
	set_route(1, UNKNOWN, RTN_UNICAST, NULL);
	assert_int_equal(become(1, &result), RIB_UNKNOWN);
	assert_true(feed_forget_nexthops(&feed));
	assert_int_equal(become(1, &result), RIB_UNKNOWN);
	set_way(UNKNOWN, TUNNEL_2); /* another one */
	assert_int_equal(become(1, &result), RIB_UNKNOWN);
}

/* An object that routes wait for is news, whatever came before it. */
static void
test_what_is_missing_stays_missed(void **state)
{
	static const struct learned_nexthop group = {
		.id = GROUP,
		.group = true,
		.n_hops = 2,
		.hops = { { WAY, 0, 1 }, { UNKNOWN, 0, 1 } },
	};
	static struct espalier_route result;

	(void)state;
	set_way(WAY, TUNNEL_1);
	assert_true(nexthops_set(&feed.nexthops, &group));
	set_route(1, UNKNOWN, RTN_UNICAST, NULL);
	set_route(2, GROUP, RTN_UNICAST, NULL);
	for (uint32_t number = 1; number <= 2; number++) {
		assert_non_null(rib_take_dirty(&feed.rib));
		become(number, &result);
	}
	for (uint32_t id = 50; id < 53; id++) {
		set_way(id, TUNNEL_1);
		feed_mark_concerned(&feed);
		assert_null(rib_take_dirty(&feed.rib));
	}
	set_way(UNKNOWN, TUNNEL_2);
	feed_mark_concerned(&feed);
	assert_non_null(rib_take_dirty(&feed.rib));
	assert_non_null(rib_take_dirty(&feed.rib));
	/* Now that nothing is missing, what comes is nobody's. */
	set_way(53, TUNNEL_1);
	feed_mark_concerned(&feed);
	set_way(54, TUNNEL_1);
	assert_false(feed.nexthops.changed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_routes_stay_as_they_are, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_changed_is_still_news, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_missing_stays_missed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_waits_in_vain_goes_on_waiting, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_new_numbers_concern_new_routes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
