/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <rte_mempool.h>

#include "config.h"
#include "gateway.h"
#include "options.h"

/* Ports: the configuration's devices, opened, with their queues. main() only. */

/*
 * Finds the device of each port, decides on its queues, makes the pool of packet buffers that fits
 * them, and configures all. Fills in what the gateway's ports say of their devices. 0, or -errno
 * with the reason in the log.
 */
int ports_open(struct gateway *gw, const struct config *config, const struct options *options,
	struct rte_mempool **pool);

/* Starts them: packets may arrive. 0, or -errno with the reason in the log. */
int ports_start(const struct gateway *gw);

/* Stops and closes them, after the workers have stopped, and frees the pool; says whether all its
 * buffers came back. */
void ports_close(const struct gateway *gw, struct rte_mempool *pool);
