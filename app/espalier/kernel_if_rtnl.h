/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include <libmnl/libmnl.h>
#include <rte_ether.h>

#include "prefix.h"

/* What we ask of the kernel's rtnetlink, one request at a time. The kernel answers within the call,
 * so nothing here waits. Control only. */

struct rtnl {
	struct mnl_socket *socket; /* of one network namespace, whoever uses it */
	uint32_t sequence;
};

/* In the network namespace of the calling thread. 0 or -errno. */
int rtnl_open(struct rtnl *rtnl);
void rtnl_close(struct rtnl *rtnl);

/* A link is given its MAC (NULL: it has none) and MTU, and set up. 0 or -errno, as all below. */
int
rtnl_set_up(struct rtnl *rtnl, uint32_t ifindex, const struct rte_ether_addr *mac, uint16_t mtu);
int rtnl_set_mtu(struct rtnl *rtnl, uint32_t ifindex, uint16_t mtu);
/* Gives a link exactly these IPv4 addresses: others that it has go. */
int rtnl_set_addresses(
	struct rtnl *rtnl, uint32_t ifindex, const struct prefix addresses[], unsigned n);
/* Asks the kernel to use a neighbor: to find out, or to make sure of, its MAC. */
int rtnl_use_neighbor(struct rtnl *rtnl, uint32_t ifindex, uint32_t address);
