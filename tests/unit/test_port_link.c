/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include "ecmp.h"
#include "nexthop_content.h"
#include "policy.h"
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

static void
know_lan_router(struct gateway *gw)
{
	neighbor_set(neighbor_get(gw->neighbors, LAN, LAN_ROUTER), &gateway_mac);
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

static void
tunnels_out_of_a_port_leave_and_come_back(void **state)
{
	const struct nexthop_spec ways[] = { fixture_via_tunnel(0), fixture_via_tunnel(1),
		fixture_via_tunnel(2) };
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	const struct tunnel *tunnel = &gw->tunnels[1];
	char why[TUNNEL_WHY_BYTES];

	know_lan_router(gw);
	fixture_set_neighbor(gw, GATEWAY, &gateway_mac);
	fixture_set_route(gw, (struct prefix) { IP(192, 0, 2, 0), 24 }, routers[0]);
	fixture_set_route(gw, (struct prefix) { IP(192, 0, 2, 2), 32 }, routers[2]);
	fixture_bring_up(fixture);
	const uint32_t id = lead(gw, ways, 3);
	const struct flows before = flows_of(gw, id);
	assert_int_equal(share(&before, 1), ECMP_BUCKETS / 3);

	set_link(gw, LAN, PORT_LINK_DOWN);
	assert_int_equal(tunnel->state, TUNNEL_UNREACHABLE);
	assert_true(tunnel_why(gw, tunnel, why));
	assert_string_equal(why, "port lan0 has no link");
	assert_true(tunnel_has_carrier(tunnel));
	/* What no other way takes is sent all the same: the link may be back already. */
	assert_int_equal(gateway_encap(gw, 1)->drop, DROP_NONE);
	assert_int_equal(gateway_encap(gw, 1)->port, LAN);
	const struct flows down = flows_of(gw, id);
	assert_moved_only(&before, &down, 1);
	assert_int_equal(share(&down, 1), 0);

	set_link(gw, LAN, PORT_LINK_UP);
	assert_int_equal(tunnel->state, TUNNEL_UP);
	const struct flows back = flows_of(gw, id);
	assert_same_flows(&back, &before);
}

/* Not once for each tunnel, for then flows would go through all that is halfway. */
static void
a_group_is_rebuilt_once(void **state)
{
	const struct nexthop_spec ways[] = { fixture_via_tunnel(0), fixture_via_tunnel(1),
		fixture_via_tunnel(2) };
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;

	fixture_set_neighbor(gw, GATEWAY, &gateway_mac);
	fixture_set_route(gw, (struct prefix) { IP(192, 0, 2, 0), 24 }, routers[0]);
	fixture_bring_up(fixture);
	lead(gw, ways, 3);
	for (enum port_link link = PORT_LINK_DOWN; link <= PORT_LINK_UP; link++) {
		uint64_t before = gw->nexthops->epoch;

		set_link(gw, WAN, link);
		assert_int_equal(gw->nexthops->epoch, before + 1);
	}
}

static void
a_tunnel_takes_another_port_of_its_group(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	const struct tunnel *tunnel = &gw->tunnels[0];
	char why[TUNNEL_WHY_BYTES];

	know_lan_router(gw);
	fixture_set_neighbor(gw, GATEWAY, &gateway_mac);
	lead(gw, routers, 3);
	fixture_bring_up(fixture);
	assert_int_equal(gateway_encap(gw, 0)->port, LAN);

	set_link(gw, LAN, PORT_LINK_DOWN);
	assert_int_equal(tunnel->state, TUNNEL_UP);
	assert_int_equal(gateway_encap(gw, 0)->port, WAN);
	/* If the other is not known, that is what is missing: it may yet be found. */
	fixture_set_neighbor(gw, GATEWAY, NULL);
	assert_int_equal(tunnel->state, TUNNEL_UNREACHABLE);
	assert_true(tunnel_why(gw, tunnel, why));
	assert_string_equal(why, "neighbor 203.0.113.1 of port wan0 is not known");
	fixture_set_neighbor(gw, GATEWAY, &gateway_mac);
	assert_int_equal(tunnel->state, TUNNEL_UP);
	assert_int_equal(gateway_encap(gw, 0)->port, WAN);

	set_link(gw, LAN, PORT_LINK_UP);
	assert_int_equal(gateway_encap(gw, 0)->port, LAN);
}

/* IKE would not get to the peer either, and a group has others meanwhile. */
static void
without_a_link_nothing_is_idle(void **state)
{
	const struct policy_spec spec = {
		.direction = POLICY_OUT,
		.tunnel = 0,
		.protects = true,
		.traps = true,
	};
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct policy *policy;
	char why[TUNNEL_WHY_BYTES];

	fixture_lead_out(gw);
	assert_int_equal(policy_put(gw, NULL, &spec, &policy), 0);
	assert_int_equal(gw->tunnels[0].state, TUNNEL_IDLE);
	set_link(gw, WAN, PORT_LINK_DOWN);
	assert_int_equal(gw->tunnels[0].state, TUNNEL_UNREACHABLE);
	assert_true(tunnel_why(gw, &gw->tunnels[0], why));
	assert_string_equal(why, "port wan0 has no link");
	assert_int_equal(gw->tunnels[1].state, TUNNEL_NO_SA);
	set_link(gw, WAN, PORT_LINK_UP);
	assert_int_equal(gw->tunnels[0].state, TUNNEL_IDLE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ways_out_of_a_port_leave_and_come_back),
		TEST(a_group_is_made_without_what_has_no_link),
		TEST(tunnels_out_of_a_port_leave_and_come_back),
		TEST(a_group_is_rebuilt_once),
		TEST(a_tunnel_takes_another_port_of_its_group),
		TEST(without_a_link_nothing_is_idle),
	};

	return cmocka_run_group_tests(tests, fixture_start_dpdk, fixture_stop_dpdk);
}
