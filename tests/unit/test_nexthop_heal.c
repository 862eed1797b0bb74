/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include "ecmp.h"
#include "publish.h"

/* A tunnel of three is lost, a routing protocol then takes it out of every route, puts it back, and
 * all the way no flow moves that need not move. Needs neither root nor hugepages. */

#define PREFIXES 200000

static const struct nexthop_spec three[] = {
	{ .kind = NEXTHOP_TUNNEL, .tunnel = 0, .weight = 1 },
	{ .kind = NEXTHOP_TUNNEL, .tunnel = 1, .weight = 1 },
	{ .kind = NEXTHOP_TUNNEL, .tunnel = 2, .weight = 1 },
};
static const struct nexthop_spec two[] = {
	{ .kind = NEXTHOP_TUNNEL, .tunnel = 0, .weight = 1 },
	{ .kind = NEXTHOP_TUNNEL, .tunnel = 2, .weight = 1 },
};

/* Which tunnel each bucket of a next hop goes to. */
struct flows {
	uint16_t tunnel[ECMP_BUCKETS];
};

static struct flows
flows_of(const struct gateway *gw, uint32_t id)
{
	const struct nexthop_slots *slots = nexthop_slots(gw->nexthops);
	const struct nexthop *hop = nexthop_read(slots, id);
	struct flows flows;

	assert_int_equal(hop->kind, NEXTHOP_GROUP);
	for (unsigned bucket = 0; bucket < ECMP_BUCKETS; bucket++)
		flows.tunnel[bucket] = nexthop_leaf(hop, bucket)->tunnel;
	return flows;
}

static void
assert_same_flows(const struct flows *one, const struct flows *other)
{
	assert_memory_equal(one->tunnel, other->tunnel, sizeof(one->tunnel));
}

static unsigned
share(const struct flows *flows, uint16_t tunnel)
{
	unsigned n = 0;

	for (unsigned bucket = 0; bucket < ECMP_BUCKETS; bucket++)
		n += flows->tunnel[bucket] == tunnel;
	return n;
}

/* Whoever moved came from that tunnel, or went to it. */
static void
assert_moved_only(const struct flows *before, const struct flows *after, uint16_t tunnel)
{
	for (unsigned bucket = 0; bucket < ECMP_BUCKETS; bucket++)
		if (before->tunnel[bucket] != after->tunnel[bucket])
			assert_true(before->tunnel[bucket] == tunnel ||
				after->tunnel[bucket] == tunnel);
}

static struct prefix
numbered(uint32_t n)
{
	return (struct prefix) { IP(20, 0, 0, 0) + n * 256, 24 };
}

static uint32_t
nexthop_of(const struct gateway *gw, uint32_t n)
{
	return route_find(gw, ROUTE_TABLE_MAIN, numbered(n))->nexthop;
}

/* What a NEWROUTE of BGP for one prefix comes to. */
static void
announce(struct gateway *gw, uint32_t n, const struct nexthop_spec ways[], unsigned n_ways)
{
	const struct route *there = route_find(gw, ROUTE_TABLE_MAIN, numbered(n));
	int id = nexthop_acquire(gw, ways, n_ways, there == NULL ? NEXTHOP_NONE : there->nexthop);
	struct route_change change = {
		.op = ROUTE_SET,
		.route = { .prefix = numbered(n),
			.table = ROUTE_TABLE_MAIN,
			.protocol = ROUTE_BGP,
			.nexthop = (uint32_t)id },
	};

	assert_true(id > 0);
	assert_int_equal(route_apply(gw, &change, 1), 0);
}

static void
lose(struct gateway *gw, unsigned tunnel)
{
	gw->tunnels[tunnel].held_down = true;
	tunnel_refresh(gw, &gw->tunnels[tunnel]);
	publish_flush(gw->publisher);
}

static void
find_again(struct gateway *gw, unsigned tunnel)
{
	gw->tunnels[tunnel].held_down = false;
	tunnel_refresh(gw, &gw->tunnels[tunnel]);
	publish_flush(gw->publisher);
}

static unsigned
count_groups(const struct gateway *gw)
{
	const struct nexthop_slots *slots = nexthop_slots(gw->nexthops);
	unsigned n = 0;

	for (uint32_t id = 1; id < 1000; id++) {
		const struct nexthop *hop = nexthop_read(slots, id);

		n += hop != NULL && hop->kind == NEXTHOP_GROUP;
	}
	return n;
}

/* The whole story, with a route that always went the two ways alone, whose buckets lie otherwise.
 */
static void
withdrawing_a_lost_way_moves_no_flow(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;

	fixture_lead_out(fixture->gw);
	fixture_bring_up(fixture);
	announce(gw, 0, two, 2);
	for (uint32_t n = 1; n < 20; n++)
		announce(gw, n, three, 3);
	const uint32_t all = nexthop_of(gw, 1), others = nexthop_of(gw, 0);
	const struct flows before = flows_of(gw, all), other = flows_of(gw, others);

	lose(gw, 1);
	const struct flows down = flows_of(gw, all);
	assert_moved_only(&before, &down, 1);
	assert_int_equal(share(&down, 1), 0);
	assert_int_equal(share(&down, 0), ECMP_BUCKETS / 2);
	for (uint32_t n = 1; n < 20; n++) {
		announce(gw, n, two, 2);
		const struct flows withdrawn = flows_of(gw, nexthop_of(gw, n));
		assert_same_flows(&withdrawn, &down);
		assert_int_equal(nexthop_of(gw, n), nexthop_of(gw, 1));
	}
	assert_int_not_equal(nexthop_of(gw, 1), others);
	assert_int_equal(count_groups(gw), 2);

	find_again(gw, 1);
	for (uint32_t n = 1; n < 20; n++) {
		announce(gw, n, three, 3);
		const struct flows back = flows_of(gw, nexthop_of(gw, n));
		assert_moved_only(&down, &back, 1);
		for (uint16_t tunnel = 0; tunnel < 3; tunnel++)
			assert_int_equal(share(&back, tunnel), ECMP_BUCKETS / 3);
		assert_int_equal(nexthop_of(gw, n), nexthop_of(gw, 1));
	}
	const struct flows untouched = flows_of(gw, others);
	assert_int_equal(nexthop_of(gw, 0), others);
	assert_same_flows(&untouched, &other);
}

/* Some prefixes have been withdrawn, others not yet, when the way comes back: those that return
 * join the others again. */
static void
half_a_withdrawal_leaves_nothing_behind(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;

	fixture_lead_out(fixture->gw);
	fixture_bring_up(fixture);
	for (uint32_t n = 0; n < 10; n++)
		announce(gw, n, three, 3);
	const uint32_t all = nexthop_of(gw, 0);
	const struct flows before = flows_of(gw, all);

	lose(gw, 1);
	for (uint32_t n = 0; n < 5; n++)
		announce(gw, n, two, 2);
	find_again(gw, 1);
	for (uint32_t n = 0; n < 5; n++)
		announce(gw, n, three, 3);
	for (uint32_t n = 0; n < 10; n++)
		assert_int_equal(nexthop_of(gw, n), all);
	const struct flows after = flows_of(gw, all);
	assert_same_flows(&before, &after);
	assert_int_equal(count_groups(gw), 1);
}

/* Paths come one after the other, as routing daemons learn them; then one is lost, withdrawn, and
 * back: every flow is where it was. Between that, others use up the places of what is gone. */
static void
a_way_that_returns_gets_its_flows_back(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;

	fixture_lead_out(fixture->gw);
	fixture_bring_up(fixture);
	for (unsigned ways = 1; ways <= 3; ways++)
		for (uint32_t n = 0; n < 10; n++)
			announce(gw, n, three, ways);
	const struct flows before = flows_of(gw, nexthop_of(gw, 0));
	for (unsigned lossy = 0; lossy < 2; lossy++) {
		if (lossy == 1)
			lose(gw, 1);
		for (uint32_t n = 0; n < 10; n++)
			announce(gw, n, two, 2);
		publish_flush(gw->publisher);
		for (uint32_t n = 10; n < 14; n++) {
			const struct nexthop_spec other =
				fixture_via_gateway(LAN, IP(192, 168, 50, 2 + n + 10 * lossy));

			announce(gw, n, &other, 1);
		}
		if (lossy == 1)
			find_again(gw, 1);
		for (uint32_t n = 0; n < 10; n++)
			announce(gw, n, three, 3);
		const struct flows after = flows_of(gw, nexthop_of(gw, 9));
		assert_same_flows(&before, &after);
		publish_flush(gw->publisher);
	}
	assert_int_equal(count_groups(gw), 1);
}

/* Said again, a route keeps its group, whichever variant it is. */
static void
said_again_it_stays(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;

	fixture_lead_out(fixture->gw);
	fixture_bring_up(fixture);
	announce(gw, 0, two, 2);
	announce(gw, 1, three, 3);
	lose(gw, 1);
	announce(gw, 1, two, 2);
	uint64_t turns = route_turns(gw);
	uint32_t one = nexthop_of(gw, 0), other = nexthop_of(gw, 1);
	assert_int_not_equal(one, other);
	for (unsigned round = 0; round < 3; round++)
		for (uint32_t n = 0; n < 2; n++)
			announce(gw, n, two, 2);
	assert_int_equal(nexthop_of(gw, 0), one);
	assert_int_equal(nexthop_of(gw, 1), other);
	assert_int_equal(route_turns(gw), turns);
	/* Newcomers share one of them, and what nobody uses goes. */
	announce(gw, 2, two, 2);
	assert_int_equal(count_groups(gw), 2);
	announce(gw, 1, &two[0], 1);
	announce(gw, 2, &two[0], 1);
	assert_int_equal(count_groups(gw), 1);
}

/* No prefix is touched when a tunnel goes or comes: workers get one new group, no other table. */
static void
two_hundred_thousand_prefixes_lose_a_way_in_one_step(void **state)
{
	struct fixture *fixture = *state;

	gateway_destroy(fixture->gw);
	fixture->config.max_routes = PREFIXES + 100;
	fixture_make_gateway(fixture);
	struct gateway *gw = fixture->gw;
	struct route_change *changes = calloc(PREFIXES, sizeof(*changes));
	assert_non_null(changes);
	fixture_lead_out(fixture->gw);
	fixture_bring_up(fixture);
	for (uint32_t n = 0; n < PREFIXES; n++)
		changes[n] = (struct route_change){
			.op = ROUTE_SET,
			.route = {
				.prefix = numbered(n),
				.table = ROUTE_TABLE_MAIN,
				.nexthop = (uint32_t)nexthop_acquire(gw, three, 3, NEXTHOP_NONE),
			},
		};
	assert_int_equal(route_apply(gw, changes, PREFIXES), 0);
	free(changes);
	const uint64_t turns = route_turns(gw);
	const uint32_t all = nexthop_of(gw, 0);
	const struct nexthop *whole = nexthop_read(nexthop_slots(gw->nexthops), all);
	const struct flows before = flows_of(gw, all);

	lose(gw, 1);
	assert_ptr_not_equal(nexthop_read(nexthop_slots(gw->nexthops), all), whole);
	for (uint32_t n = 0; n < PREFIXES; n += 999) {
		assert_int_equal(fixture_lookup(gw, numbered(n).address + 9), all);
		assert_int_equal(nexthop_of(gw, n), all);
	}
	const struct flows down = flows_of(gw, all);
	assert_int_equal(share(&down, 1), 0);
	find_again(gw, 1);
	const struct flows after = flows_of(gw, all);
	assert_same_flows(&after, &before);
	assert_int_equal(route_turns(gw), turns);
	assert_int_equal(count_groups(gw), 1);

	/* And the withdrawal, prefix by prefix, looks for its group once, not for each. */
	lose(gw, 1);
	for (uint32_t n = 0; n < 20000; n++)
		announce(gw, n, two, 2);
	assert_int_equal(count_groups(gw), 2);
	const struct flows withdrawn = flows_of(gw, nexthop_of(gw, 19999));
	assert_same_flows(&withdrawn, &down);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(withdrawing_a_lost_way_moves_no_flow),
		TEST(half_a_withdrawal_leaves_nothing_behind),
		TEST(a_way_that_returns_gets_its_flows_back),
		TEST(said_again_it_stays),
		TEST(two_hundred_thousand_prefixes_lose_a_way_in_one_step),
	};

	return cmocka_run_group_tests(tests, fixture_start_dpdk, fixture_stop_dpdk);
}
