/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <rte_mempool.h>

#include "config.h"
#include "gateway.h"
#include "options.h"

/* Ports: the configuration's devices, opened, with their queues and packet buffers. main() only. */
struct ports {
	unsigned n;
	struct {
		char name[NAME_BYTES];
		uint16_t id; /* DPDK's */
		uint16_t mtu;
		uint16_t rx_queues, tx_queues;
	} port[PORTS_MAX];
	struct rte_mempool *pool; /* one for all */
};

/*
 * Finds the device of each port, decides on its queues, makes the pool of packet buffers that fits
 * them, and configures all. 0, or -errno with the reason in the log; what was
 * opened stays for ports_close().
 */
int ports_open(struct ports *ports, const struct config *config, const struct options *options,
	unsigned n_workers);

/* Tells a new gateway of its devices. */
void ports_describe(const struct ports *ports, struct gateway *gw);

/* Starts them: packets may arrive, those to multicast groups included if `groups`. 0, or -errno
 * with the reason in the log. */
int ports_start(const struct ports *ports, bool groups);
/* Stops them, after the workers. */
void ports_stop(const struct ports *ports);

/* Closes them and frees the pool; says whether all its buffers came back. */
void ports_close(struct ports *ports);
