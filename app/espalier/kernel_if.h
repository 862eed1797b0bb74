/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include <rte_mempool.h>

#include "config.h"
#include "gateway.h"
#include "workers.h"

/*
 * The kernel's side of the gateway: a TAP for each port and a TUN for each tunnel, so that the
 * host's own network stack, and every daemon on it, lives on our ports and tunnels. What is for the
 * gateway itself goes up, what the kernel sends goes out. Control only. See
 * docs/kernel-interfaces.md.
 */

struct kernel_if;

/*
 * Makes or adopts all interfaces, in the network namespace that the configuration names, and tells
 * the gateway their indices. Ports know their MACs, workers have their rings. NULL on failure, with
 * the reason in the log.
 */
struct kernel_if *kernel_if_open(struct gateway *gw, const struct config *config,
	const struct workers *workers, struct rte_mempool *pool);
/* Lets go of the interfaces; they stay. NULL is fine, as it is below for "no kernel interfaces". */
void kernel_if_close(struct kernel_if *kernel_if);

/* A descriptor that is readable when there is something to do, for the control core's epoll. */
int kernel_if_fd(const struct kernel_if *kernel_if);
/* One turn, a bounded amount of work: packets from the kernel, and what it says of neighbors. */
void kernel_if_dispatch(struct kernel_if *kernel_if, uint64_t now_ns);

/* Takes over a packet that a worker punted to the kernel (punt.h). */
void kernel_if_take(struct kernel_if *kernel_if, struct rte_mbuf *pkt);

/* Brings carriers and MTUs of the TUNs up to date with their tunnels; cheap when none changed. */
void kernel_if_follow(struct kernel_if *kernel_if);
/* A port's link came or went: so does the carrier of its TAP. */
void kernel_if_set_port_carrier(struct kernel_if *kernel_if, const struct port *port, bool carrier);
/* What time brings: neighbors to be asked for, and peers of tunnels that liveness took down. */
void kernel_if_tick(struct kernel_if *kernel_if, uint64_t now_ns);
