/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Links as rtnetlink counts them: a port or a tunnel under an interface index. It is that of its
 * TAP or TUN in the kernel; without kernel interfaces its position in the configuration file, ports
 * from 1, tunnels from 1001. Control only.
 */

struct gateway;
struct port;
struct tunnel;

/* Exactly one of the two is there. */
struct link {
	const struct port *port;
	const struct tunnel *tunnel;
};

uint32_t ifindex_of_port(const struct port *port);
uint32_t ifindex_of_tunnel(const struct tunnel *tunnel);
uint32_t ifindex_of(struct link link);
/* The name that an interface has or would have in the kernel. */
const char *ifindex_name(struct link link);

/* False: there is no such link. */
bool ifindex_find(const struct gateway *gw, uint32_t ifindex, struct link *link);
bool ifindex_find_name(const struct gateway *gw, const char *name, struct link *link);
/* All links, ports first; false past the last. */
bool ifindex_at(const struct gateway *gw, uint32_t place, struct link *link);
