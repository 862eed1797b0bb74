/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

/* The configuration's way into the tables. */

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
	assert_int_equal(sa->record->source, IP(192, 0, 2, 1));
	assert_int_equal(sa->replay->window, 1024);
	/* A second time it is refused, and said so. */
	assert_true(gateway_populate(fixture->gw, config, fixture->crypto) < 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_configuration_is_carried_out),
	};

	return cmocka_run_group_tests(tests, fixture_start_dpdk, fixture_stop_dpdk);
}
