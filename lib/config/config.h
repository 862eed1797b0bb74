/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sizes.h"
#include "prefix.h"
#include "suite.h"

/*
 * The configuration file (libconfig syntax): read, checked as a whole, and handed over as plain
 * structures, in which names have become indices and every rule that needs no device has been
 * checked. Knows no DPDK, so `espalierctl check` is the same code.
 */

#define CONFIG_PATH_BYTES 108  /* sun_path */
#define CONFIG_NETNS_BYTES 256 /* a name or path of a network namespace */

struct config_port {
	int line;
	char name[NAME_BYTES];
	char device[256]; /* PCI address, vdev name or DPDK port number */
	uint16_t mtu;
	char interface[INTERFACE_BYTES]; /* its TAP in the kernel; never empty */
	struct prefix *addresses;        /* host bits kept */
	unsigned n_addresses;
	bool allow_clear; /* takes packets from behind tunnels that are not protected */
};

struct config_selector {
	struct prefix local, remote;
};

struct config_tunnel {
	int line;
	char name[NAME_BYTES];
	uint32_t if_id;
	uint32_t local, remote; /* host order; remote 0: "%any" */
	uint32_t liveness_ms;
	char interface[INTERFACE_BYTES]; /* its TUN in the kernel; never empty */
	struct prefix *addresses;
	unsigned n_addresses;
	struct config_selector *selectors;
	unsigned n_selectors;
};

enum config_nexthop_kind {
	CONFIG_VIA_TUNNEL,
	CONFIG_VIA_GATEWAY,
	CONFIG_VIA_PORT,
	CONFIG_VIA_DROP
};

struct config_nexthop {
	enum config_nexthop_kind kind;
	unsigned port;   /* index: GATEWAY, PORT */
	unsigned tunnel; /* index: TUNNEL */
	uint32_t gateway;
	uint16_t weight;
};

struct config_route {
	int line;
	struct prefix prefix; /* host bits zero */
	struct config_nexthop *nexthops;
	unsigned n_nexthops;
};

struct config_neighbor {
	int line;
	unsigned port;
	uint32_t address;
	uint8_t mac[6];
};

struct config_sa {
	int line;
	unsigned tunnel;
	bool outbound;
	uint32_t spi;
	uint32_t remote; /* host order, never 0: the tunnel's, or where that is "%any" the SA's own
			  */
	struct suite suite;
	uint8_t encryption_key[36]; /* key, then salt; zeroized by config_free() */
	uint8_t authentication_key[64];
	bool esn;
	uint32_t replay_window; /* inbound; 0: no replay check */
	uint64_t sequence;      /* last number used before */
	uint16_t encap_sport, encap_dport;
	uint64_t lifetime_packets, lifetime_bytes, lifetime_seconds; /* 0: none */
};

struct config {
	char name[NAME_BYTES];
	char control_socket[CONFIG_PATH_BYTES];
	char kernel_netns[CONFIG_NETNS_BYTES]; /* of the kernel interfaces; empty: the process's own
						*/
	uint32_t hash_seed;
	bool hash_seed_given; /* else random at start */
	uint32_t max_routes;  /* per table */
	uint32_t max_tbl8;
	struct config_port *ports;
	unsigned n_ports;
	struct config_tunnel *tunnels;
	unsigned n_tunnels;
	struct config_route *routes;
	unsigned n_routes;
	struct config_neighbor *neighbors;
	unsigned n_neighbors;
	struct config_sa *sas;
	unsigned n_sas;
};

enum config_result {
	CONFIG_GOOD = 0,
	CONFIG_RULES_BROKEN = 1, /* readable, but breaks rules: each said in a line of its own */
	CONFIG_UNREADABLE = 2,   /* no such file, not permitted, or a syntax error */
};

/* Gets each error: one line "FILE:LINE: text", without newline and never with a key in it. */
typedef void (*config_error_fn)(void *context, const char *line);

/*
 * Reads and checks a file. With CONFIG_GOOD `*config` is the caller's, to be freed with
 * config_free(); else it is NULL and `report` was called for every error found, in the order of the
 * file. Any thread.
 */
enum config_result
config_load(const char *path, struct config **config, config_error_fn report, void *context);

/* Zeroizes keys and frees. NULL is fine. */
void config_free(struct config *config);
