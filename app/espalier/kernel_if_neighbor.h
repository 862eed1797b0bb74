/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include <libmnl/libmnl.h>

#include "gateway.h"
#include "kernel_if_rtnl.h"

/*
 * Neighbors, learned from the kernel's neighbor tables of the TAPs. The kernel gets every ARP frame
 * that we receive, so it knows what there is to know; and it has the rules, which we would only
 * write a second time: whom to believe, when to ask again, when to give up. What it thinks comes as
 * rtnetlink events; it is asked by "use this neighbor" (NTF_USE), as if it had a packet to send.
 * Control only.
 */

struct kernel_neighbors {
	struct gateway *gw;
	struct mnl_socket *events;
	uint64_t next_round_ns;
	uint32_t round;
	uint32_t cursor; /* of a round that has more neighbors than it may ask for */
	uint64_t next_log_ns;
};

/* In the namespace of the calling thread. 0, or -errno with the reason in the log. */
int kernel_neighbors_open(struct kernel_neighbors *neighbors, struct gateway *gw);
void kernel_neighbors_close(struct kernel_neighbors *neighbors);

/* Readable: there are events. */
int kernel_neighbors_fd(const struct kernel_neighbors *neighbors);
/* Learns from some of them. */
void kernel_neighbors_read(struct kernel_neighbors *neighbors, uint64_t now_ns);

/* Once a second: asks for gateways and tunnels' peers that are not known, and now and then for
 * those that are, so that the kernel notices when one goes. */
void kernel_neighbors_tick(struct kernel_neighbors *neighbors, struct rtnl *rtnl, uint64_t now_ns);
/* Asks for whoever is the way to an address. */
void kernel_neighbors_find(struct kernel_neighbors *neighbors, struct rtnl *rtnl, uint32_t address);
