/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#include "kernel_if_rtnl.h"
#include "prefix.h"

/* One TAP or TUN, and its descriptor. Control only. */

enum kernel_link_kind { KERNEL_LINK_TAP, KERNEL_LINK_TUN };

struct kernel_link_spec {
	enum kernel_link_kind kind;
	const char *name;
	const struct rte_ether_addr *mac; /* TAP */
	uint16_t mtu;
	const struct prefix *addresses;
	unsigned n_addresses;
};

struct kernel_link {
	int fd; /* non-blocking; -1: there is none, or it was deleted under us */
	uint32_t ifindex;
	uint16_t mtu;
	bool carrier;
};

/*
 * Makes the interface persistent, or adopts the one that an earlier run left, in the namespace of
 * the calling thread, of which `rtnl` is. A TUN comes without carrier, a TAP with. 0, or -errno
 * with the reason in the log.
 */
int
kernel_link_open(struct kernel_link *link, struct rtnl *rtnl, const struct kernel_link_spec *spec);
/* Lets go of it; it stays, without carrier. Fine for one that is not open. */
void kernel_link_close(struct kernel_link *link);

/* Cheap when nothing changes. */
void kernel_link_set_carrier(struct kernel_link *link, bool carrier);
void kernel_link_set_mtu(struct kernel_link *link, struct rtnl *rtnl, uint16_t mtu);
