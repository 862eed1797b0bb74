/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "config.h"
#include "options.h"

/* Our DPDK ports, each opposite one of the gateway's. Control, but for what is const once they are
 * open. */

struct wire {
	const struct config_port *gateway; /* the port at the other end */
	uint16_t id;                       /* DPDK's number of ours */
	uint16_t rx_queues, tx_queues;
	struct rte_ether_addr mac, gateway_mac;
	bool known; /* gateway_mac is, and stays */
	bool set_up;
};

struct wires {
	struct wire wire[PORTS_MAX]; /* as the file's ports */
	unsigned n;
	struct rte_mempool *pool;
};

/* What a port needs. */
struct wire_needs {
	unsigned rx_queues, tx_queues;
};

/* Finds, configures and starts our ports. 0 or -errno, said why. */
int wires_open(struct wires *wires, const struct config *config, const struct options *options,
	const struct wire_needs *needs);
void wires_close(struct wires *wires);

/* Waits until all links are up, that long at most. False: said which is not. */
bool wires_wait(struct wires *wires, double seconds);
