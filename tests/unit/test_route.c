/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "dice.h"

/* Routes: what workers find is what control set, whole batches at a time. Needs neither root nor
 * hugepages. */

#define TBL8S 64 /* fixture.h */

static void
apply_one(struct gateway *gw, struct route_change change)
{
	assert_int_equal(route_apply(gw, &change, 1), 0);
	assert_int_equal(change.result, 0);
}

static void
own_addresses_are_local_and_their_networks_connected(void **state)
{
	static const struct {
		uint32_t address;
		int kind; /* -1: no route */
	} expected[] = {
		{ IP(192, 168, 50, 1), NEXTHOP_LOCAL },
		{ IP(192, 168, 50, 2), NEXTHOP_ONLINK },
		{ IP(192, 168, 51, 1), -1 },
		{ IP(203, 0, 113, 191), NEXTHOP_LOCAL },
		{ IP(203, 0, 113, 1), NEXTHOP_ONLINK },
		{ IP(169, 254, 11, 1), NEXTHOP_LOCAL },
		{ IP(169, 254, 11, 2), NEXTHOP_TUNNEL },
		{ IP(169, 254, 11, 4), -1 },
	};
	struct fixture *fixture = *state;

	for (unsigned i = 0; i < ARRAY_LEN(expected); i++) {
		uint32_t id = fixture_lookup(fixture->gw, expected[i].address);
		const struct nexthop *hop = nexthop_read(nexthop_slots(fixture->gw->nexthops), id);

		if (expected[i].kind < 0)
			assert_int_equal(id, NEXTHOP_NONE);
		else
			assert_int_equal(hop->kind, expected[i].kind);
	}
	/* Two of each address of ports and tunnels. */
	assert_int_equal(route_count(fixture->gw), 2 * (2 + FIXTURE_TUNNELS));
}

/* A default route over two halves that fill the space: the end of the table is no beginning. */
static void
a_default_route_leaves_the_halves_alone(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct prefix all = { 0, 0 }, low = { 0, 1 }, high = { IP(128, 0, 0, 0), 1 };
	uint32_t low_id, high_id;

	apply_one(gw, fixture_set(gw, low, fixture_via_tunnel(0)));
	apply_one(gw, fixture_set(gw, high, fixture_via_tunnel(1)));
	low_id = fixture_lookup(gw, IP(10, 0, 0, 1));
	high_id = fixture_lookup(gw, IP(200, 0, 0, 1));
	for (unsigned round = 0; round < 2; round++) {
		apply_one(gw, fixture_set(gw, all, fixture_via_tunnel(2)));
		assert_int_equal(fixture_lookup(gw, IP(10, 0, 0, 1)), low_id);
		assert_int_equal(fixture_lookup(gw, IP(200, 0, 0, 1)), high_id);
		apply_one(gw, fixture_delete(all));
		assert_int_equal(fixture_lookup(gw, IP(10, 0, 0, 1)), low_id);
		assert_int_equal(fixture_lookup(gw, IP(200, 0, 0, 1)), high_id);
	}
}

static struct prefix
long_prefix(unsigned i)
{
	return (struct prefix) { IP(10, 0, i, 128), 25 };
}

static void
a_full_fib_refuses_and_stays_whole(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct route_change changes[TBL8S + 1];
	unsigned used = 0;
	uint32_t cursor = 0, before;
	const struct route *route;

	/* The gateway's own addresses hold a tbl8 group each. */
	while ((route = route_next(gw, &cursor)) != NULL)
		used += route->prefix.bits == 32;
	before = route_count(gw);
	for (unsigned i = 0; i < TBL8S; i++)
		changes[i] = fixture_set(gw, long_prefix(i), fixture_via_tunnel(0));
	changes[TBL8S] =
		fixture_set(gw, (struct prefix) { IP(11, 0, 0, 0), 8 }, fixture_via_tunnel(1));
	assert_int_equal(route_apply(gw, changes, TBL8S + 1), used);
	for (unsigned i = 0; i < TBL8S; i++) {
		bool fits = i < TBL8S - used;

		assert_int_equal(changes[i].result, fits ? 0 : -ENOSPC);
		assert_int_equal(route_find(gw, ROUTE_TABLE_MAIN, long_prefix(i)) != NULL, fits);
		assert_int_equal(fixture_lookup(gw, IP(10, 0, i, 129)) != NEXTHOP_NONE, fits);
	}
	assert_int_equal(changes[TBL8S].result, 0);
	assert_true(fixture_lookup(gw, IP(11, 1, 1, 1)) != NEXTHOP_NONE);
	assert_int_equal(route_count(gw), before + TBL8S - used + 1);

	/* Room that comes back can be used, in both FIBs. */
	for (unsigned round = 0; round < 3; round++) {
		apply_one(gw, fixture_delete(long_prefix(round)));
		apply_one(gw, fixture_set(gw, long_prefix(200 + round), fixture_via_tunnel(2)));
		assert_int_equal(fixture_lookup(gw, IP(10, 0, round, 129)), NEXTHOP_NONE);
		assert_true(fixture_lookup(gw, IP(10, 0, 200 + round, 129)) != NEXTHOP_NONE);
	}
}

/* A long route that goes the same way as the one around it gives back what it took. */
static void
long_routes_inside_an_equal_one_cost_nothing_for_ever(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;

	apply_one(
		gw, fixture_set(gw, (struct prefix) { IP(10, 0, 0, 0), 8 }, fixture_via_tunnel(0)));
	for (unsigned round = 0; round < 2 * TBL8S; round++) {
		apply_one(gw, fixture_set(gw, long_prefix(1), fixture_via_tunnel(0)));
		apply_one(gw, fixture_delete(long_prefix(1)));
	}
	apply_one(gw, fixture_set(gw, long_prefix(2), fixture_via_tunnel(1)));
	assert_true(fixture_lookup(gw, IP(10, 0, 2, 129)) != fixture_lookup(gw, IP(10, 0, 2, 1)));
}

static void
a_full_rib_refuses(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	unsigned room = fixture->config.max_routes - route_count(gw);
	struct route_change *changes = calloc(room + 1, sizeof(*changes));

	assert_non_null(changes);
	for (unsigned i = 0; i <= room; i++)
		changes[i] = fixture_set(gw, (struct prefix) { IP(10, 0, 0, 0) + i * 256, 24 },
			fixture_via_tunnel(0));
	assert_int_equal(route_apply(gw, changes, room + 1), 1);
	assert_int_equal(changes[room].result, -ENOSPC);
	assert_int_equal(changes[room - 1].result, 0);
	/* Replacing needs no room. */
	apply_one(gw, fixture_set(gw, changes[0].route.prefix, fixture_via_tunnel(1)));
	free(changes);
}

static void
changes_that_make_no_sense_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct prefix prefix = { IP(10, 0, 0, 0), 8 };
	struct route_change changes[] = {
		fixture_delete(prefix),
		fixture_set(gw, prefix, fixture_via_tunnel(0)),
		fixture_set(gw, (struct prefix) { IP(10, 0, 0, 1), 8 }, fixture_via_tunnel(0)),
		fixture_set(gw, prefix, fixture_via_tunnel(0)),
	};
	uint32_t count = route_count(gw);

	changes[1].route.table = 7;
	changes[3].op = ROUTE_DELETE;
	changes[3].route.table = 7;
	nexthop_release(gw, changes[3].route.nexthop);
	assert_int_equal(route_apply(gw, changes, ARRAY_LEN(changes)), 4);
	assert_int_equal(changes[0].result, -ESRCH);
	assert_int_equal(changes[1].result, -EOPNOTSUPP);
	assert_int_equal(changes[2].result, -EINVAL);
	assert_int_equal(changes[3].result, -EOPNOTSUPP);
	assert_int_equal(route_count(gw), count);
	assert_int_equal(route_apply(gw, changes, 0), 0);
}

static void
a_walk_sees_what_stays_exactly_once(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	unsigned seen[100] = { 0 };
	const struct route *route;
	uint32_t cursor = 0;

	for (unsigned i = 0; i < 100; i++)
		apply_one(gw,
			fixture_set(gw, (struct prefix) { IP(10, i, 0, 0), 16 },
				fixture_via_tunnel(0)));
	while ((route = route_next(gw, &cursor)) != NULL) {
		unsigned i = route->prefix.address >> 16 & 0xff;

		if (route->prefix.address >> 24 != 10 || i >= 100)
			continue;
		seen[i]++;
		/* Odd ones go and come back, at another place. */
		if (i % 2 == 0 && i < 98) {
			apply_one(gw, fixture_delete((struct prefix) { IP(10, i + 1, 0, 0), 16 }));
			apply_one(gw,
				fixture_set(gw, (struct prefix) { IP(10, 100 + i, 0, 0), 16 },
					fixture_via_tunnel(1)));
		}
	}
	for (unsigned i = 0; i < 100; i += 2)
		assert_int_equal(seen[i], 1);
}

/* 3,000 prefixes that come and go 100,000 times, many at once: the table finds exactly those that
 * are there. */
static void
many_come_and_go(void **state)
{
	enum { MANY = 3000, BATCH = 100 };
	static bool there[MANY];
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	uint32_t own = route_count(gw), n = 0;

	dice_seed(7);
	for (unsigned round = 0; round < 1000; round++) {
		struct route_change changes[BATCH];

		for (unsigned i = 0; i < BATCH; i++) {
			unsigned which = dice_below(MANY);
			struct prefix prefix = { IP(20, 0, 0, 0) + which * 256, 24 };

			changes[i] = there[which]
				? fixture_delete(prefix)
				: fixture_set(gw, prefix, fixture_via_tunnel(which % 3));
			there[which] = !there[which];
			n += there[which] ? 1 : UINT32_MAX;
		}
		assert_int_equal(route_apply(gw, changes, BATCH), 0);
		assert_int_equal(route_count(gw), own + n);
	}
	for (unsigned which = 0; which < MANY; which++) {
		uint32_t id = fixture_lookup(gw, IP(20, 0, 0, 9) + which * 256);

		assert_int_equal(id != NEXTHOP_NONE, there[which]);
	}
}

/* A worker that looks up two addresses in one burst, over and over. */
struct reader {
	struct gateway *gw;
	pthread_t thread;
	_Atomic bool stop;
	uint64_t bursts, torn, switches;
};

static void *
read_routes(void *context)
{
	static const uint32_t addresses[] = { IP(10, 1, 1, 1), IP(172, 16, 1, 129) };
	struct reader *reader = context;
	const struct nexthop_slots *slots = nexthop_slots(reader->gw->nexthops);
	uint16_t last = UINT16_MAX;
	cpu_set_t anywhere;

	/* DPDK bound the control core, which waits for this thread at each turn, to one CPU. */
	memset(&anywhere, 0xff, sizeof(anywhere));
	pthread_setaffinity_np(pthread_self(), sizeof(anywhere), &anywhere);
	rcu_online(reader->gw->rcu, 0);
	while (!atomic_load(&reader->stop)) {
		uint64_t found[2];
		const struct nexthop *one, *other;

		route_lookup(reader->gw->routes, addresses, found, 2);
		one = nexthop_read(slots, (uint32_t)found[0]);
		other = nexthop_read(slots, (uint32_t)found[1]);
		reader->bursts++;
		reader->torn += one == NULL || other == NULL || one->kind != NEXTHOP_TUNNEL ||
			other->kind != NEXTHOP_TUNNEL || one->tunnel != other->tunnel;
		if (one != NULL && one->tunnel != last) {
			reader->switches++;
			last = one->tunnel;
		}
		rcu_quiescent(reader->gw->rcu, 0);
	}
	rcu_offline(reader->gw->rcu, 0);
	return NULL;
}

static void
a_batch_is_seen_whole_or_not_at_all(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct prefix prefixes[] = { { IP(10, 0, 0, 0), 8 }, { IP(172, 16, 1, 128), 25 } };
	struct reader reader = { .gw = gw };

	for (unsigned i = 0; i < 2; i++)
		apply_one(gw, fixture_set(gw, prefixes[i], fixture_via_tunnel(0)));
	assert_int_equal(pthread_create(&reader.thread, NULL, read_routes, &reader), 0);
	for (unsigned round = 1; round < 500; round++) {
		struct route_change changes[4];
		struct nexthop_spec way = fixture_via_tunnel(round % FIXTURE_TUNNELS);

		/* By replacement, and by deletion and setting anew. */
		if (round % 2 == 0) {
			changes[0] = fixture_set(gw, prefixes[0], way);
			changes[1] = fixture_set(gw, prefixes[1], way);
			assert_int_equal(route_apply(gw, changes, 2), 0);
		} else {
			changes[0] = fixture_delete(prefixes[0]);
			changes[1] = fixture_delete(prefixes[1]);
			changes[2] = fixture_set(gw, prefixes[1], way);
			changes[3] = fixture_set(gw, prefixes[0], way);
			assert_int_equal(route_apply(gw, changes, 4), 0);
		}
	}
	atomic_store(&reader.stop, true);
	pthread_join(reader.thread, NULL);
	assert_int_equal(reader.torn, 0);
	assert_true(reader.bursts > 0 && reader.switches > 50);
}

static void
next_hops_of_gone_routes_are_gone(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	const struct nexthop_slots *slots = nexthop_slots(gw->nexthops);
	struct prefix prefix = { IP(10, 0, 0, 0), 8 };
	uint32_t first, second;

	apply_one(gw, fixture_set(gw, prefix, fixture_via_gateway(LAN, IP(192, 168, 50, 2))));
	first = fixture_lookup(gw, IP(10, 0, 0, 1));
	apply_one(gw, fixture_set(gw, prefix, fixture_via_gateway(LAN, IP(192, 168, 50, 3))));
	second = fixture_lookup(gw, IP(10, 0, 0, 1));
	assert_true(first != second);
	assert_null(nexthop_read(slots, first));
	apply_one(gw, fixture_delete(prefix));
	assert_null(nexthop_read(slots, second));
	assert_int_equal(fixture_lookup(gw, IP(10, 0, 0, 1)), NEXTHOP_NONE);
	assert_int_equal(nexthop_read(slots, NEXTHOP_NONE)->reason, DROP_no_route);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(own_addresses_are_local_and_their_networks_connected),
		TEST(a_default_route_leaves_the_halves_alone),
		TEST(a_full_fib_refuses_and_stays_whole),
		TEST(long_routes_inside_an_equal_one_cost_nothing_for_ever),
		TEST(a_full_rib_refuses),
		TEST(changes_that_make_no_sense_are_refused),
		TEST(a_walk_sees_what_stays_exactly_once),
		TEST(many_come_and_go),
		TEST(a_batch_is_seen_whole_or_not_at_all),
		TEST(next_hops_of_gone_routes_are_gone),
	};

	return cmocka_run_group_tests(tests, fixture_start_dpdk, fixture_stop_dpdk);
}
