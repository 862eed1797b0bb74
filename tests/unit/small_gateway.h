/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>

#include "compiler.h"
#include "config.h"
#include "crypto.h"
#include "gateway.h"
#include "rcu.h"
#include "suite.h"

/*
 * A gateway without devices, for tests: two ports, three tunnels of which two share a prefix,
 * manual keys on them, and a route of every kind. Needs neither root nor hugepages.
 */

#define SMALL_KEY_BYTE 0xa5 /* what all keys are made of: "a5a5..." must not show anywhere */

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static inline void
small_eal_init(void)
{
	static char program[] = "test", no_huge[] = "--no-huge", no_pci[] = "--no-pci",
		    memory[] = "-m", megabytes[] = "512", lcores[] = "-l", one[] = "0",
		    no_conf[] = "--no-shconf", level[] = "--log-level=error",
		    telemetry[] = "--no-telemetry";
	char *arguments[] = { program, no_huge, no_pci, memory, megabytes, lcores, one, no_conf,
		level, telemetry };

	if (rte_eal_init(ARRAY_LEN(arguments), arguments) < 0)
		abort();
}

static inline struct config_sa
small_sa(unsigned tunnel, bool outbound, uint32_t spi)
{
	struct config_sa sa = {
		.tunnel = tunnel,
		.outbound = outbound,
		.spi = spi,
		.remote = IP(192, 0, 2, 1 + tunnel),
		.suite = { suite_encryption_find("aes128-cbc"),
			suite_authentication_find("hmac-sha1-96") },
		.replay_window = outbound ? 0 : 1024,
	};

	memset(sa.encryption_key, SMALL_KEY_BYTE, sizeof(sa.encryption_key));
	memset(sa.authentication_key, SMALL_KEY_BYTE, sizeof(sa.authentication_key));
	return sa;
}

/* --- its configuration --- */

static struct prefix small_lan[] = { { IP(192, 168, 50, 1), 24 } };
static struct prefix small_wan[] = { { IP(203, 0, 113, 191), 24 } };
static struct prefix small_inside[] = { { IP(169, 254, 10, 1), 30 } };

static struct config_port small_ports[] = {
	{ .name = "lan0", .mtu = 1500, .addresses = small_lan, .n_addresses = 1 },
	{ .name = "wan0", .mtu = 1500, .addresses = small_wan, .n_addresses = 1 },
};

static struct config_selector small_selectors[] = { {
	.local = { IP(10, 0, 0, 0), 8 },
	.remote = { IP(192, 168, 0, 0), 16 },
} };

#define SMALL_TUNNEL(number, text) \
	.name = (text), .if_id = (number), .local = IP(203, 0, 113, 191), \
	.remote = IP(192, 0, 2, number)

static struct config_tunnel small_tunnels[] = {
	{ SMALL_TUNNEL(1, "conn1"), .addresses = small_inside,
		.n_addresses = ARRAY_LEN(small_inside), .selectors = small_selectors,
		.n_selectors = ARRAY_LEN(small_selectors) },
	{ SMALL_TUNNEL(2, "IPsec-VPN Connection 2"), .selectors = small_selectors,
		.n_selectors = ARRAY_LEN(small_selectors) },
	{ SMALL_TUNNEL(3, "conn3") },
};

static struct config_nexthop small_balanced[] = {
	{ .kind = CONFIG_VIA_TUNNEL, .tunnel = 0, .weight = 1 },
	{ .kind = CONFIG_VIA_TUNNEL, .tunnel = 1, .weight = 1 },
};
static struct config_nexthop small_third[] = {
	{ .kind = CONFIG_VIA_TUNNEL, .tunnel = 2, .weight = 3 },
};
static struct config_nexthop small_router[] = {
	{ .kind = CONFIG_VIA_GATEWAY, .port = 1, .gateway = IP(203, 0, 113, 1), .weight = 1 },
};
static struct config_nexthop small_nobody[] = {
	{ .kind = CONFIG_VIA_GATEWAY, .port = 0, .gateway = IP(192, 168, 50, 9), .weight = 1 },
};
static struct config_nexthop small_hole[] = { { .kind = CONFIG_VIA_DROP, .weight = 1 } };

static struct config_route small_routes[] = {
	{ .prefix = { IP(192, 168, 0, 0), 16 }, .nexthops = small_balanced, .n_nexthops = 2 },
	{ .prefix = { IP(172, 16, 0, 0), 12 }, .nexthops = small_third, .n_nexthops = 1 },
	{ .prefix = { IP(192, 0, 2, 0), 24 }, .nexthops = small_router, .n_nexthops = 1 },
	{ .prefix = { IP(10, 9, 0, 0), 16 }, .nexthops = small_nobody, .n_nexthops = 1 },
	{ .prefix = { IP(10, 66, 0, 0), 16 }, .nexthops = small_hole, .n_nexthops = 1 },
};

static struct config_neighbor small_neighbors[] = {
	{ .port = 1, .address = IP(203, 0, 113, 1), .mac = { 2, 0, 0, 0, 0, 3 } },
	{ .port = 0, .address = IP(192, 168, 50, 2), .mac = { 2, 0, 0, 0, 0, 2 } },
};

/* Aborts when it cannot: nothing can be tested without it. */
static inline struct gateway *
small_gateway_create(void)
{
	struct config_sa sas[] = {
		small_sa(0, true, 0x1001),
		small_sa(0, false, 0x2001),
		small_sa(1, true, 0x1002),
		small_sa(1, false, 0x2002),
	};
	struct config config = {
		.name = "small",
		.hash_seed = 1,
		.hash_seed_given = true,
		.max_routes = 10000,
		.max_tbl8 = 256,
		.ports = small_ports,
		.n_ports = ARRAY_LEN(small_ports),
		.tunnels = small_tunnels,
		.n_tunnels = ARRAY_LEN(small_tunnels),
		.routes = small_routes,
		.n_routes = ARRAY_LEN(small_routes),
		.neighbors = small_neighbors,
		.n_neighbors = ARRAY_LEN(small_neighbors),
		.sas = sas,
		.n_sas = ARRAY_LEN(sas),
	};
	char error[256];

	struct crypto *crypto = crypto_create(NULL, error, sizeof(error));
	struct rcu *rcu = rcu_create(1);
	if (crypto == NULL || rcu == NULL)
		abort();
	struct gateway *gw = gateway_create(&config, rcu, 1);
	if (gw == NULL || gateway_populate(gw, &config, crypto) != 0)
		abort();
	crypto_destroy(crypto);
	return gw;
}
