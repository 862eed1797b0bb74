/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include "ecmp.h"
#include "port_link.h"
#include "publish.h"

/* A port loses its link: what leaves by it is out of all groups, and comes back with it; no flow
 * moves that need not move. Needs neither root nor hugepages. */

#define LAN_ROUTER IP(192, 168, 50, 2)

static void
set_link(struct gateway *gw, uint8_t port, enum port_link link)
{
	assert_true(port_link_set(gw, port, link));
	publish_flush(gw->publisher);
}

/* Sets the route of everything, which keeps what it can of the group that it had. Returns its next
 * hop. */
static uint32_t
lead(struct gateway *gw, const struct nexthop_spec ways[], unsigned n)
{
	const struct prefix all = { 0, 0 };
	const struct route *there = route_find(gw, ROUTE_TABLE_MAIN, all);
	int id = nexthop_acquire(gw, ways, n, there == NULL ? NEXTHOP_NONE : there->nexthop);
	struct route_change change = {
		.op = ROUTE_SET,
		.route = { .table = ROUTE_TABLE_MAIN, .nexthop = (uint32_t)id },
	};

	assert_true(id > 0);
	assert_int_equal(route_apply(gw, &change, 1), 0);
	publish_flush(gw->publisher);
	return (uint32_t)id;
}

/* Which way each bucket of a group goes: a tunnel's index, or the last byte of a gateway. */
struct flows {
	uint32_t way[ECMP_BUCKETS];
};

static struct flows
flows_of(const struct gateway *gw, uint32_t id)
{
	const struct nexthop *hop = nexthop_read(nexthop_slots(gw->nexthops), id);
	struct flows flows;

	assert_int_equal(hop->kind, NEXTHOP_GROUP);
	for (unsigned bucket = 0; bucket < ECMP_BUCKETS; bucket++) {
		const struct nexthop *leaf = nexthop_leaf(hop, bucket);

		flows.way[bucket] = leaf->kind == NEXTHOP_TUNNEL ? leaf->tunnel
								 : leaf->neighbor->address & 0xff;
	}
	return flows;
}

static unsigned
share(const struct flows *flows, uint32_t way)
{
	unsigned n = 0;

	for (unsigned bucket = 0; bucket < ECMP_BUCKETS; bucket++)
		n += flows->way[bucket] == way;
	return n;
}

static void
assert_same_flows(const struct flows *one, const struct flows *other)
{
	assert_memory_equal(one->way, other->way, sizeof(one->way));
}

/* Whoever moved came from that way, or went to it. */
static void
assert_moved_only(const struct flows *before, const struct flows *after, uint32_t way)
{
	for (unsigned bucket = 0; bucket < ECMP_BUCKETS; bucket++)
		if (before->way[bucket] != after->way[bucket])
			assert_true(before->way[bucket] == way || after->way[bucket] == way);
}

/* Two routers behind wan0, which are 1 and 7, and one behind lan0, which is 2. */
static const struct nexthop_spec routers[] = {
	{ .kind = NEXTHOP_GATEWAY, .port = WAN, .gateway = GATEWAY, .weight = 1 },
	{ .kind = NEXTHOP_GATEWAY, .port = WAN, .gateway = GATEWAY + 6, .weight = 1 },
	{ .kind = NEXTHOP_GATEWAY, .port = LAN, .gateway = LAN_ROUTER, .weight = 1 },
};

static void
ways_out_of_a_port_leave_and_come_back(void **state)
{
	struct gateway *gw = ((struct fixture *)*state)->gw;
	const uint32_t id = lead(gw, routers, 3);
	const struct flows before = flows_of(gw, id);

	assert_int_equal(share(&before, 2), ECMP_BUCKETS / 3);
	set_link(gw, LAN, PORT_LINK_DOWN);
	const struct flows one = flows_of(gw, id);
	assert_moved_only(&before, &one, 2);
	assert_int_equal(share(&one, 1), ECMP_BUCKETS / 2);
	assert_int_equal(share(&one, 7), ECMP_BUCKETS / 2);
	assert_false(port_link_set(gw, LAN, PORT_LINK_DOWN));

	/* Where no way is left, all go where they would with all. */
	set_link(gw, WAN, PORT_LINK_DOWN);
	const struct flows none = flows_of(gw, id);
	assert_same_flows(&none, &before);
	set_link(gw, LAN, PORT_LINK_UP);
	const struct flows other = flows_of(gw, id);
	assert_int_equal(share(&other, 2), ECMP_BUCKETS);

	/* A driver that cannot tell any more has a link. */
	set_link(gw, WAN, PORT_LINK_UNKNOWN);
	const struct flows back = flows_of(gw, id);
	assert_same_flows(&back, &before);
	assert_false(port_link_set(gw, WAN, PORT_LINK_UP));
}

/* And whoever withdraws that way then moves nothing. */
static void
a_group_is_made_without_what_has_no_link(void **state)
{
	struct gateway *gw = ((struct fixture *)*state)->gw;

	set_link(gw, LAN, PORT_LINK_DOWN);
	const struct flows made = flows_of(gw, lead(gw, routers, 3));
	assert_int_equal(share(&made, 2), 0);
	const struct flows withdrawn = flows_of(gw, lead(gw, routers, 2));
	assert_same_flows(&withdrawn, &made);
	set_link(gw, LAN, PORT_LINK_UP);
	const struct flows back = flows_of(gw, lead(gw, routers, 3));
	assert_moved_only(&made, &back, 2);
	assert_int_equal(share(&back, 2), ECMP_BUCKETS / 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ways_out_of_a_port_leave_and_come_back),
		TEST(a_group_is_made_without_what_has_no_link),
	};

	return cmocka_run_group_tests(tests, fixture_start_dpdk, fixture_stop_dpdk);
}
