/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include <rte_mbuf.h>

#include "gateway.h"
#include "workers.h"

/* Packets between the kernel's TAPs and TUNs and the workers. What is lost here counts in
 * gw->control_drops. Control only. */

struct kernel_packets {
	struct gateway *gw;
	const struct workers *workers;
	struct rte_mempool *pool;
};

/* Takes a bounded number of frames, or inner packets, that the kernel sends. 0, or -errno when the
 * interface is gone. */
int kernel_packets_from_tap(const struct kernel_packets *packets, const struct port *port, int fd);
int kernel_packets_from_tun(const struct kernel_packets *packets, uint16_t tunnel, int fd);

/* Sends the IPv4 packet behind 14 bytes into the tunnel, past the route look-up. Takes it over. */
void kernel_packets_into_tunnel(
	const struct kernel_packets *packets, uint16_t tunnel, struct rte_mbuf *pkt);

/* Gives the kernel a frame, or the packet behind 14 bytes. The packet stays the caller's. */
void
kernel_packets_to_tap(const struct kernel_packets *packets, int fd, const struct rte_mbuf *pkt);
void
kernel_packets_to_tun(const struct kernel_packets *packets, int fd, const struct rte_mbuf *pkt);

/* Where the IPv4 packet behind 14 bytes is going: host order. */
uint32_t kernel_packets_destination(const struct rte_mbuf *pkt);
