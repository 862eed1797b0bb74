/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include "neighbor.h"
#include "publish.h"

/* Tunnels: the headers they send with, and when they send at all. Needs neither root nor hugepages.
 */

#define NS_PER_MS UINT64_C(1000000)

#define GATEWAY IP(203, 0, 113, 1)

static const struct rte_ether_addr gateway_mac = { { 2, 0, 0, 0, 0, 3 } };

static void
set_neighbor(struct gateway *gw, uint32_t address, const struct rte_ether_addr *mac)
{
	struct neighbor *neighbor = neighbor_get(gw->neighbors, WAN, address);

	neighbor_set(neighbor, mac);
	tunnel_refresh_via(gw, neighbor);
}

static void
set_route(struct gateway *gw, struct prefix prefix, struct nexthop_spec way)
{
	struct route_change change = fixture_set(gw, prefix, way);

	assert_int_equal(route_apply(gw, &change, 1), 0);
}

/* A default route over wan0, with the gateway's MAC known. */
static void
lead_out(struct gateway *gw)
{
	set_neighbor(gw, GATEWAY, &gateway_mac);
	set_route(gw, (struct prefix) { 0, 0 }, fixture_via_gateway(WAN, GATEWAY));
}

static void
add(struct fixture *fixture, const struct sa_spec *spec)
{
	assert_int_equal(sa_add(fixture->gw, fixture->crypto, spec), 0);
}

/* The sum that RFC 791 wants to see, over 16-bit words in wire order. */
static uint16_t
sum_words(const uint8_t *bytes, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint16_t
load_word(const uint8_t *bytes)
{
	uint16_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* Completes a header as tunnel.h tells workers to. */
static void
complete(const struct encap *encap, uint8_t ip[20])
{
	uint32_t sum = encap->ip_sum;
	uint16_t checksum;

	memcpy(ip, encap->header + encap->ip_offset, 20);
	ip[1] = 0xb9;                  /* TOS */
	memcpy(ip + 2, "\x05\xdc", 2); /* total length 1500 */
	memcpy(ip + 4, "\xbe\xef", 2); /* identification */
	memcpy(ip + 6, "\x40\x00", 2); /* DF */
	sum += load_word(ip + 2);
	sum += load_word(ip + 4);
	sum += load_word(ip + 6);
	sum += (uint32_t)ip[1] << 8;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	checksum = (uint16_t)~sum;
	memcpy(ip + 10, &checksum, sizeof(checksum));
}

static void
esp_headers_are_as_written_by_hand(void **state)
{
	static const uint8_t expected[] = {
		0x02, 0x00, 0x00, 0x00, 0x00, 0x03, /* the gateway's MAC */
		0x02, 0x00, 0x00, 0x00, 0x01, 0x02, /* wan0's */
		0x08, 0x00,                         /* IPv4 */
		0x45, 0x00, 0x00, 0x00,             /* version, header length; TOS; total length */
		0x00, 0x00, 0x00, 0x00,             /* identification; fragment field */
		0x40, 0x32, 0x00, 0x00,             /* TTL 64; protocol 50; checksum */
		0xcb, 0x00, 0x71, 0xbf,             /* 203.0.113.191 */
		0xc0, 0x00, 0x02, 0x01,             /* 192.0.2.1 */
		0xc0, 0x00, 0x10, 0x01,             /* SPI */
		0x00, 0x00, 0x00, 0x00,             /* sequence number */
	};
	struct fixture *fixture = *state;
	struct sa_spec spec = fixture_sa(fixture, SA_OUT, 0, 0xc0001001);
	const struct encap *encap;
	uint8_t ip[20];

	lead_out(fixture->gw);
	add(fixture, &spec);
	encap = gateway_encap(fixture->gw, 0);
	assert_int_equal(encap->drop, DROP_NONE);
	assert_int_equal(encap->header_bytes, sizeof(expected));
	assert_memory_equal(
		encap->header + ENCAP_HEADER_BYTES - sizeof(expected), expected, sizeof(expected));
	assert_int_equal(encap->ip_offset, ENCAP_HEADER_BYTES - 28);
	assert_int_equal(encap->port, WAN);
	assert_false(encap->udp);
	assert_ptr_equal(encap->sa, sa_find(fixture->gw, SA_OUT, spec.spi, spec.destination));
	assert_ptr_equal(encap->key, encap->sa->key);
	assert_int_equal(encap->iv_bytes, 16);
	assert_int_equal(encap->icv_bytes, 12);
	assert_int_equal(encap->block_bytes, 16);
	assert_int_equal(encap->mtu, 1438);
	complete(encap, ip);
	assert_int_equal(sum_words(ip, sizeof(ip)), 0xffff);
}

static void
udp_headers_are_as_written_by_hand(void **state)
{
	static const uint8_t expected[] = {
		0x45, 0x00, 0x00, 0x00, /* version, header length; TOS; total length */
		0x00, 0x00, 0x00, 0x00, /* identification; fragment field */
		0x40, 0x11, 0x00, 0x00, /* TTL 64; protocol 17; checksum */
		0xcb, 0x00, 0x71, 0xbf, /* 203.0.113.191 */
		0xc0, 0x00, 0x02, 0x02, /* 192.0.2.2 */
		0x11, 0x94, 0x8a, 0x3b, /* from 4500 to 35387 */
		0x00, 0x00, 0x00, 0x00, /* UDP length; checksum */
		0x00, 0x00, 0x10, 0x02, /* SPI */
		0x00, 0x00, 0x00, 0x00, /* sequence number */
	};
	struct fixture *fixture = *state;
	struct sa_spec spec = fixture_sa(fixture, SA_OUT, 1, 0x1002);
	const struct encap *encap;
	uint8_t ip[20];

	lead_out(fixture->gw);
	spec.encap_sport = 4500;
	spec.encap_dport = 35387;
	add(fixture, &spec);
	encap = gateway_encap(fixture->gw, 1);
	assert_int_equal(encap->header_bytes, 14 + sizeof(expected));
	assert_memory_equal(encap->header + encap->ip_offset, expected, sizeof(expected));
	assert_int_equal(encap->ip_offset, ENCAP_HEADER_BYTES - sizeof(expected));
	assert_true(encap->udp);
	assert_int_equal(encap->mtu, 1422);
	complete(encap, ip);
	assert_int_equal(sum_words(ip, sizeof(ip)), 0xffff);
}

/* Every size of port: the largest inner packet fits, and one byte more does not. */
static void
the_mtu_is_the_largest_that_fits(void **state)
{
	struct crypto_key key = { .iv_bytes = 16, .icv_bytes = 12, .block_bytes = 16 };

	(void)state;
	assert_int_equal(tunnel_mtu(1500, &key, false), 1438);
	assert_int_equal(tunnel_mtu(1500, &key, true), 1422);
	assert_int_equal(tunnel_mtu(80, &key, false), 0);
	for (unsigned udp = 0; udp < 2; udp++)
		for (uint16_t port_mtu = 100; port_mtu < 9000; port_mtu++) {
			unsigned mtu = tunnel_mtu(port_mtu, &key, udp != 0);
			unsigned fixed = 20 + 8 + 8 * udp + 16 + 12;

			assert_true(fixed + (mtu + 2 + 15) / 16 * 16 <= port_mtu);
			assert_true(fixed + (mtu + 1 + 2 + 15) / 16 * 16 > port_mtu);
		}
}

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
	lead_out(gw);
	add(fixture, &spec);
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
	struct nexthop_spec drop = { .kind = NEXTHOP_DROP, .weight = 1 };
	struct route_change deletion = fixture_delete(one);

	fixture_bring_up(fixture);
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_no_route);
	set_route(gw, remotes, fixture_via_gateway(WAN, GATEWAY));
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_no_neighbor);
	assert_int_equal(gw->tunnels[0].state, TUNNEL_UP);
	assert_int_equal(tunnel_current_mtu(gw, &gw->tunnels[0]), 1438);
	set_neighbor(gw, GATEWAY, &gateway_mac);
	for (uint16_t i = 0; i < FIXTURE_TUNNELS; i++)
		assert_int_equal(gateway_encap(gw, i)->drop, DROP_NONE);
	set_neighbor(gw, GATEWAY, &other);
	assert_memory_equal(
		gateway_encap(gw, 0)->header + ENCAP_HEADER_BYTES - 42, &other, sizeof(other));

	/* A longer route concerns one of them. */
	set_route(gw, one, onlink);
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_no_neighbor);
	assert_int_equal(gateway_encap(gw, 1)->drop, DROP_NONE);
	set_neighbor(gw, IP(192, 0, 2, 1), &gateway_mac);
	assert_memory_equal(gateway_encap(gw, 0)->header + ENCAP_HEADER_BYTES - 42, &gateway_mac,
		sizeof(gateway_mac));
	set_route(gw, one, drop);
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_blackhole);
	/* Into itself, or into another: not this way. */
	set_route(gw, one, fixture_via_tunnel(0));
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_no_route);
	assert_int_equal(route_apply(gw, &deletion, 1), 0);
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_NONE);
	set_neighbor(gw, GATEWAY, NULL);
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
	set_neighbor(gw, GATEWAY + 1, &gateway_mac);
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
	add(fixture, &spec);
	set_neighbor(gw, GATEWAY, &gateway_mac);
	set_route(gw, (struct prefix) { IP(8, 0, 0, 0), 8 }, fixture_via_gateway(WAN, GATEWAY));
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

	lead_out(gw);
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

	lead_out(gw);
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

static void
a_tunnel_that_gets_no_answer_is_down_until_it_does(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct tunnel *tunnel = &gw->tunnels[0];
	struct tunnel_counters *counters = &gw->counters[0]->tunnels[0];
	uint64_t now = 1000 * NS_PER_MS;

	lead_out(gw);
	fixture_bring_up(fixture);
	tunnel->liveness_ms = 300;
	tunnel_check_liveness(gw, now);
	/* Silence alone is no sign. */
	now += 10000 * NS_PER_MS;
	tunnel_check_liveness(gw, now);
	assert_int_equal(tunnel->state, TUNNEL_UP);
	/* It sends and hears. */
	for (unsigned i = 0; i < 100; i++) {
		counters->tx.packets++;
		counters->rx.packets++;
		now += 10 * NS_PER_MS;
		tunnel_check_liveness(gw, now);
		assert_int_equal(tunnel->state, TUNNEL_UP);
	}
	/* It sends and hears nothing. */
	counters->tx.packets++;
	now += 299 * NS_PER_MS;
	tunnel_check_liveness(gw, now);
	assert_int_equal(tunnel->state, TUNNEL_UP);
	now += NS_PER_MS;
	tunnel_check_liveness(gw, now);
	assert_int_equal(tunnel->state, TUNNEL_DOWN);
	assert_false(tunnel_carries(tunnel));
	/* It may still ask, or it would never be answered. */
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_NONE);
	now += 10000 * NS_PER_MS;
	tunnel_check_liveness(gw, now);
	assert_int_equal(tunnel->state, TUNNEL_DOWN);
	counters->rx.packets++;
	tunnel_check_liveness(gw, now);
	assert_int_equal(tunnel->state, TUNNEL_UP);
}

static void
a_new_sa_gives_a_dead_tunnel_a_new_chance(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct tunnel *tunnel = &gw->tunnels[0];
	struct sa_spec spec = fixture_sa(fixture, SA_OUT, 0, 0x5001);
	uint64_t now = NS_PER_MS;

	fixture_bring_up(fixture);
	tunnel->liveness_ms = 300;
	tunnel_check_liveness(gw, now);
	gw->counters[0]->tunnels[0].tx.packets++;
	now += 300 * NS_PER_MS;
	tunnel_check_liveness(gw, now);
	assert_int_equal(tunnel->state, TUNNEL_DOWN);
	add(fixture, &spec);
	assert_int_equal(tunnel->state, TUNNEL_UP);
	tunnel_check_liveness(gw, now);
	assert_int_equal(tunnel->state, TUNNEL_UP);
	gw->counters[0]->tunnels[0].tx.packets++;
	now += 300 * NS_PER_MS;
	tunnel_check_liveness(gw, now);
	assert_int_equal(tunnel->state, TUNNEL_DOWN);
}

/* The configuration's way in: neighbors, routes and SAs of a file. */
static void
a_configuration_is_carried_out(void **state)
{
	struct fixture *fixture = *state;
	struct config *config = &fixture->config;
	struct config_neighbor neighbors[] = { { .port = WAN, .address = GATEWAY } };
	struct config_nexthop out[] = {
		{ .kind = CONFIG_VIA_GATEWAY, .port = WAN, .gateway = GATEWAY, .weight = 1 }
	};
	struct config_nexthop both[] = { { .kind = CONFIG_VIA_TUNNEL, .tunnel = 0, .weight = 1 },
		{ .kind = CONFIG_VIA_TUNNEL, .tunnel = 1, .weight = 3 } };
	struct config_route routes[] = {
		{ .prefix = { 0, 0 }, .nexthops = out, .n_nexthops = 1 },
		{ .prefix = { IP(192, 168, 0, 0), 16 }, .nexthops = both, .n_nexthops = 2 },
	};
	struct sa_spec spec = fixture_sa(fixture, SA_OUT, 0, 0x1001);
	struct config_sa sas[] = {
		{ .tunnel = 0,
			.outbound = true,
			.spi = 0x1001,
			.remote = IP(192, 0, 2, 1),
			.suite = spec.suite },
		{ .tunnel = 0,
			.spi = 0x2001,
			.remote = IP(192, 0, 2, 1),
			.suite = spec.suite,
			.replay_window = 1024 },
	};
	const struct nexthop *hop;
	struct sa *sa;
	uint32_t id;

	memcpy(neighbors[0].mac, &gateway_mac, sizeof(gateway_mac));
	config->neighbors = neighbors;
	config->n_neighbors = ARRAY_LEN(neighbors);
	config->routes = routes;
	config->n_routes = ARRAY_LEN(routes);
	config->sas = sas;
	config->n_sas = ARRAY_LEN(sas);
	assert_int_equal(gateway_populate(fixture->gw, config, fixture->crypto), 0);
	assert_int_equal(gateway_encap(fixture->gw, 0)->drop, DROP_NONE);
	assert_int_equal(gateway_encap(fixture->gw, 1)->drop, DROP_no_sa);
	id = fixture_lookup(fixture->gw, IP(192, 168, 1, 1));
	hop = nexthop_read(nexthop_slots(fixture->gw->nexthops), id);
	assert_int_equal(hop->kind, NEXTHOP_GROUP);
	assert_int_equal(hop->group->members[1].weight, 3);
	sa = sa_find(fixture->gw, SA_IN, 0x2001, IP(203, 0, 113, 191));
	assert_non_null(sa);
	assert_int_equal(sa->source, IP(192, 0, 2, 1));
	assert_int_equal(sa->replay->window, 1024);
	/* A second time it is refused, and said so. */
	assert_true(gateway_populate(fixture->gw, config, fixture->crypto) < 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(esp_headers_are_as_written_by_hand),
		TEST(udp_headers_are_as_written_by_hand),
		TEST(the_mtu_is_the_largest_that_fits),
		TEST(without_an_sa_nothing_is_sent),
		TEST(the_way_out_follows_routes_and_neighbors),
		TEST(a_group_towards_the_remote_end_offers_its_first_way),
		TEST(a_moved_peer_is_followed),
		TEST(nothing_is_published_when_nothing_changed),
		TEST(a_held_tunnel_is_down),
		TEST(a_tunnel_that_gets_no_answer_is_down_until_it_does),
		TEST(a_new_sa_gives_a_dead_tunnel_a_new_chance),
		TEST(a_configuration_is_carried_out),
	};

	return cmocka_run_group_tests(tests, fixture_start_dpdk, fixture_stop_dpdk);
}
