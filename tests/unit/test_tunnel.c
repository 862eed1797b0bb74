/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include "clock.h"
#include "publish.h"

/* Tunnels: when they send, and which way. */

static void
without_an_sa_nothing_is_sent(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct sa_spec spec = fixture_sa(fixture, SA_OUT, 0, 0x1001);
	struct tunnel *tunnel = tunnel_find(gw, "conn1");

	assert_ptr_equal(tunnel, &gw->tunnels[0]);
	assert_null(tunnel_find(gw, "conn4"));
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_no_sa);
	assert_string_equal(tunnel_state_name(tunnel->state), "no-sa");
	assert_int_equal(tunnel_current_mtu(gw, tunnel), 0);
	fixture_lead_out(gw);
	fixture_add(fixture, &spec);
	assert_int_equal(tunnel->state, TUNNEL_UP);
	assert_int_equal(tunnel_current_mtu(gw, tunnel), 1438);
	assert_int_equal(sa_delete(gw, SA_OUT, 0x1001, spec.destination), 0);
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_no_sa);
	assert_null(gateway_encap(gw, 0)->sa);
	assert_int_equal(tunnel->state, TUNNEL_NO_SA);
}

static void
the_way_out_follows_routes_and_neighbors(void **state)
{
	static const struct rte_ether_addr other = { { 2, 0, 0, 0, 0, 9 } };
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct prefix remotes = { IP(192, 0, 2, 0), 24 }, one = { IP(192, 0, 2, 1), 32 };
	struct nexthop_spec onlink = { .kind = NEXTHOP_ONLINK, .port = WAN, .weight = 1 };
	struct nexthop_spec drop = { .kind = NEXTHOP_DROP, .weight = 1, .reason = DROP_blackhole };
	struct route_change deletion = fixture_delete(one);
	char why[TUNNEL_WHY_BYTES];

	fixture_bring_up(fixture);
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_no_route);
	assert_int_equal(gw->tunnels[0].state, TUNNEL_UNREACHABLE);
	assert_false(tunnel_carries(&gw->tunnels[0]));
	assert_true(tunnel_has_carrier(&gw->tunnels[0]));
	assert_true(tunnel_why(gw, &gw->tunnels[0], why));
	assert_string_equal(why, "no route out of a port leads to 192.0.2.1");
	fixture_set_route(gw, remotes, fixture_via_gateway(WAN, GATEWAY));
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_no_neighbor);
	assert_int_equal(gw->tunnels[0].state, TUNNEL_UNREACHABLE);
	assert_true(tunnel_why(gw, &gw->tunnels[0], why));
	assert_string_equal(why, "neighbor 203.0.113.1 of port wan0 is not known");
	assert_int_equal(tunnel_current_mtu(gw, &gw->tunnels[0]), 1438);
	fixture_set_neighbor(gw, GATEWAY, &gateway_mac);
	for (uint16_t i = 0; i < FIXTURE_TUNNELS; i++) {
		assert_int_equal(gateway_encap(gw, i)->drop, DROP_NONE);
		assert_int_equal(gw->tunnels[i].state, TUNNEL_UP);
	}
	fixture_set_neighbor(gw, GATEWAY, &other);
	assert_memory_equal(
		gateway_encap(gw, 0)->header + ENCAP_HEADER_BYTES - 42, &other, sizeof(other));

	/* A longer route concerns one of them. */
	fixture_set_route(gw, one, onlink);
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_no_neighbor);
	assert_int_equal(gateway_encap(gw, 1)->drop, DROP_NONE);
	fixture_set_neighbor(gw, IP(192, 0, 2, 1), &gateway_mac);
	assert_memory_equal(gateway_encap(gw, 0)->header + ENCAP_HEADER_BYTES - 42, &gateway_mac,
		sizeof(gateway_mac));
	fixture_set_route(gw, one, drop);
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_blackhole);
	/* Into itself, or into another: not this way. */
	fixture_set_route(gw, one, fixture_via_tunnel(0));
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_no_route);
	assert_int_equal(route_apply(gw, &deletion, 1), 0);
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_NONE);
	fixture_set_neighbor(gw, GATEWAY, NULL);
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_no_neighbor);
}

static void
a_group_towards_the_remote_end_offers_its_first_way(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct nexthop_spec ways[] = { fixture_via_gateway(WAN, GATEWAY),
		fixture_via_gateway(WAN, GATEWAY + 1) };
	int group = nexthop_acquire(gw, ways, 2, NEXTHOP_NONE);
	struct route_change change = {
		.op = ROUTE_SET,
		.route = { .table = ROUTE_TABLE_MAIN, .nexthop = (uint32_t)group },
	};

	fixture_bring_up(fixture);
	assert_int_equal(route_apply(gw, &change, 1), 0);
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_no_neighbor);
	fixture_set_neighbor(gw, GATEWAY + 1, &gateway_mac);
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_NONE);
	assert_int_equal(gw->tunnels[0].via->address, GATEWAY + 1);
}

static void
a_moved_peer_is_followed(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct sa_spec spec = fixture_sa(fixture, SA_OUT, 2, 0x1001);

	/* The SA's destination counts, not the tunnel's remote end. */
	spec.destination = IP(8, 8, 8, 8);
	fixture_add(fixture, &spec);
	fixture_set_neighbor(gw, GATEWAY, &gateway_mac);
	fixture_set_route(
		gw, (struct prefix) { IP(8, 0, 0, 0), 8 }, fixture_via_gateway(WAN, GATEWAY));
	assert_int_equal(gateway_encap(gw, 2)->drop, DROP_NONE);
	assert_memory_equal(
		gateway_encap(gw, 2)->header + ENCAP_HEADER_BYTES - 12, "\x08\x08\x08\x08", 4);
	assert_int_equal(sa_delete(gw, SA_OUT, 0x1001, spec.destination), 0);
	assert_int_equal(gw->tunnels[2].towards, gw->tunnels[2].remote);
}

static void
nothing_is_published_when_nothing_changed(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	const struct encap *before;

	fixture_lead_out(gw);
	fixture_bring_up(fixture);
	before = gateway_encap(gw, 0);
	tunnel_refresh_all(gw);
	assert_ptr_equal(gateway_encap(gw, 0), before);
}

static void
a_held_tunnel_is_down(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct tunnel *tunnel = &gw->tunnels[0];

	fixture_lead_out(gw);
	fixture_bring_up(fixture);
	tunnel->held_down = true;
	tunnel_refresh(gw, tunnel);
	assert_int_equal(tunnel->state, TUNNEL_DOWN);
	assert_false(tunnel_carries(tunnel));
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_no_sa);
	tunnel->held_down = false;
	tunnel_refresh(gw, tunnel);
	assert_int_equal(tunnel->state, TUNNEL_UP);
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_NONE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_an_sa_nothing_is_sent),
		TEST(the_way_out_follows_routes_and_neighbors),
		TEST(a_group_towards_the_remote_end_offers_its_first_way),
		TEST(a_moved_peer_is_followed),
		TEST(nothing_is_published_when_nothing_changed),
		TEST(a_held_tunnel_is_down),
	};

	return cmocka_run_group_tests(tests, fixture_start_dpdk, fixture_stop_dpdk);
}
