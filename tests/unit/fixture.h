/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_eal.h>

#include "compiler.h"
#include "config.h"
#include "crypto.h"
#include "gateway.h"
#include "neighbor.h"
#include "nexthop.h"
#include "rcu.h"
#include "route.h"
#include "sa.h"
#include "suite.h"
#include "tunnel.h"

/*
 * A gateway for the tests of the tables: ports lan0 and wan0, tunnels conn1 to conn3, no SAs. DPDK
 * is started in the test's own memory, without root, hugepages or files.
 */

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define FIXTURE_TUNNELS 3
#define LAN 0
#define WAN 1

struct fixture {
	struct config config;
	struct config_port ports[2];
	struct config_tunnel tunnels[FIXTURE_TUNNELS];
	struct prefix lan[1], wan[1], inside[FIXTURE_TUNNELS][1];
	struct crypto *crypto;
	struct gateway *gw;
};

static const uint8_t fixture_key[64] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
	18, 19, 20 };

static inline int
fixture_start_dpdk(void **state)
{
	char words[][24] = { "test", "--no-huge", "--no-shconf", "-m", "512", "--no-pci",
		"--no-telemetry", "--log-level=error", "-l", "0" };
	char *argv[ARRAY_LEN(words)];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(words); i++)
		argv[i] = words[i];
	return rte_eal_init(ARRAY_LEN(words), argv) < 0;
}

static inline int
fixture_stop_dpdk(void **state)
{
	(void)state;
	return rte_eal_cleanup();
}

static inline void
fixture_configure(struct fixture *fixture)
{
	struct config *config = &fixture->config;

	fixture->lan[0] = (struct prefix) { IP(192, 168, 50, 1), 24 };
	fixture->wan[0] = (struct prefix) { IP(203, 0, 113, 191), 24 };
	fixture->ports[LAN] = (struct config_port) {
		.name = "lan0", .mtu = 1500, .addresses = fixture->lan, .n_addresses = 1
	};
	fixture->ports[WAN] = (struct config_port) {
		.name = "wan0", .mtu = 1500, .addresses = fixture->wan, .n_addresses = 1
	};
	for (unsigned i = 0; i < FIXTURE_TUNNELS; i++) {
		struct config_tunnel *tunnel = &fixture->tunnels[i];

		snprintf(tunnel->name, sizeof(tunnel->name), "conn%u", i + 1);
		tunnel->if_id = i + 1;
		tunnel->local = IP(203, 0, 113, 191);
		tunnel->remote = IP(192, 0, 2, 1 + i);
		fixture->inside[i][0] = (struct prefix) { IP(169, 254, 10 + i, 1), 30 };
		tunnel->addresses = fixture->inside[i];
		tunnel->n_addresses = 1;
	}
	config->hash_seed = 1;
	config->hash_seed_given = true;
	config->max_routes = 4096;
	config->max_tbl8 = 64;
	config->ports = fixture->ports;
	config->n_ports = ARRAY_LEN(fixture->ports);
	config->tunnels = fixture->tunnels;
	config->n_tunnels = FIXTURE_TUNNELS;
}

/* Makes the gateway of what is configured; one worker, which is offline. */
static inline void
fixture_make_gateway(struct fixture *fixture)
{
	static const struct rte_ether_addr macs[] = {
		{ { 2, 0, 0, 0, 1, 1 } },
		{ { 2, 0, 0, 0, 1, 2 } },
	};

	fixture->gw = gateway_create(&fixture->config, rcu_create(1), 1);
	assert_non_null(fixture->gw);
	for (unsigned i = 0; i < ARRAY_LEN(macs); i++)
		fixture->gw->ports[i].mac = macs[i];
}

static inline int
fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	char error[256];

	assert_non_null(fixture);
	fixture_configure(fixture);
	fixture_make_gateway(fixture);
	fixture->crypto = crypto_create(NULL, error, sizeof(error));
	assert_non_null(fixture->crypto);
	*state = fixture;
	return 0;
}

static inline int
fixture_teardown(void **state)
{
	struct fixture *fixture = *state;

	gateway_destroy(fixture->gw);
	crypto_destroy(fixture->crypto);
	free(fixture);
	return 0;
}

/* An SA of the tunnel with AES-128-CBC and HMAC-SHA-1-96. */
static inline struct sa_spec
fixture_sa(
	const struct fixture *fixture, enum sa_direction direction, unsigned tunnel, uint32_t spi)
{
	uint32_t local = fixture->tunnels[tunnel].local, remote = fixture->tunnels[tunnel].remote;

	return (struct sa_spec) {
		.direction = direction,
		.spi = spi,
		.source = direction == SA_OUT ? local : remote,
		.destination = direction == SA_OUT ? remote : local,
		.tunnel = (uint16_t)tunnel,
		.suite = { suite_encryption_find("aes128-cbc"),
			suite_authentication_find("hmac-sha1-96") },
		.encryption_key = fixture_key,
		.authentication_key = fixture_key,
		.replay.window = 64,
	};
}

static inline void
fixture_add(struct fixture *fixture, const struct sa_spec *spec)
{
	assert_int_equal(sa_add(fixture->gw, fixture->crypto, spec), 0);
}

/* Gives every tunnel an outbound SA with SPI 0x1001 and up. */
static inline void
fixture_bring_up(struct fixture *fixture)
{
	for (unsigned i = 0; i < FIXTURE_TUNNELS; i++) {
		struct sa_spec spec = fixture_sa(fixture, SA_OUT, i, 0x1001 + i);

		fixture_add(fixture, &spec);
	}
}

static inline struct nexthop_spec
fixture_via_tunnel(uint16_t tunnel)
{
	return (struct nexthop_spec) { .kind = NEXTHOP_TUNNEL, .tunnel = tunnel, .weight = 1 };
}

static inline struct nexthop_spec
fixture_via_gateway(uint8_t port, uint32_t gateway)
{
	return (struct nexthop_spec) {
		.kind = NEXTHOP_GATEWAY, .port = port, .gateway = gateway, .weight = 1
	};
}

/* A change that sets a static route over one way. */
static inline struct route_change
fixture_set(struct gateway *gw, struct prefix prefix, struct nexthop_spec way)
{
	int nexthop = nexthop_acquire(gw, &way, 1, NEXTHOP_NONE);

	assert_true(nexthop > 0);
	return (struct route_change) {
		.op = ROUTE_SET,
		.route = { .prefix = prefix,
			.table = ROUTE_TABLE_MAIN,
			.protocol = ROUTE_STATIC,
			.nexthop = (uint32_t)nexthop },
	};
}

static inline void
fixture_set_route(struct gateway *gw, struct prefix prefix, struct nexthop_spec way)
{
	struct route_change change = fixture_set(gw, prefix, way);

	assert_int_equal(route_apply(gw, &change, 1), 0);
}

/* Of a neighbor behind wan0. NULL: it is not known any more. */
static inline void
fixture_set_neighbor(struct gateway *gw, uint32_t address, const struct rte_ether_addr *mac)
{
	struct neighbor *neighbor = neighbor_get(gw->neighbors, WAN, address);

	neighbor_set(neighbor, mac);
	tunnel_refresh_via(gw, neighbor);
}

#define GATEWAY IP(203, 0, 113, 1)
static const struct rte_ether_addr gateway_mac = { { 2, 0, 0, 0, 0, 3 } };

/* A default route over wan0, with the gateway's MAC known. */
static inline void
fixture_lead_out(struct gateway *gw)
{
	fixture_set_neighbor(gw, GATEWAY, &gateway_mac);
	fixture_set_route(gw, (struct prefix) { 0, 0 }, fixture_via_gateway(WAN, GATEWAY));
}

static inline struct route_change
fixture_delete(struct prefix prefix)
{
	return (struct route_change) {
		.op = ROUTE_DELETE,
		.route = { .prefix = prefix, .table = ROUTE_TABLE_MAIN },
	};
}

/* What a worker finds, for one address or SA. */
static inline uint32_t
fixture_lookup(const struct gateway *gw, uint32_t address)
{
	uint64_t nexthop;

	route_lookup(gw->routes, &address, &nexthop, 1);
	return (uint32_t)nexthop;
}

static inline struct sa *
fixture_sa_lookup(const struct gateway *gw, uint32_t spi, uint32_t destination)
{
	struct sa *found;

	sa_lookup(gw->sas, &spi, &destination, &found, 1);
	return found;
}
