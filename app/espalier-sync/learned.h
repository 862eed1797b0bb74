/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "netlink.h"
#include "prefix.h"

/*
 * Messages of rtnetlink, read: from the kernel, from FPM, from Espalier. Unlike requests to
 * Espalier, what is not known in them is passed over: a newer kernel says more.
 */

#define LEARNED_HOPS_MAX 128 /* twice of what Espalier takes, which says so itself */

/* One way of a route. */
struct hop {
	uint32_t ifindex; /* 0: not said */
	uint32_t gateway; /* host order; 0: none */
	uint32_t weight;
};

/* What tells two routes of a prefix apart, and whether one has changed. No padding: compared and
 * kept as bytes. */
struct route_facts {
	uint32_t metric;
	uint32_t nexthop_id; /* nexthop object that has the ways; 0: none */
	uint8_t tos;
	uint8_t protocol; /* RTPROT_* */
	uint8_t type;     /* RTN_* */
	uint8_t n_hops;
};

struct learned_route {
	struct prefix prefix;
	uint32_t table;
	bool strange; /* has ways that IPv4 tunnels and ports cannot go: encapsulated, by IPv6 */
	bool cached;  /* no route of the table */
	struct route_facts facts;
	struct hop hops[LEARNED_HOPS_MAX];
};

struct learned_nexthop {
	uint32_t id;
	bool group;
	bool blackhole;
	bool strange;
	uint8_t n_hops;
	/* Of a group: ids in `ifindex`, and weights; else one way. */
	struct hop hops[LEARNED_HOPS_MAX];
};

struct learned_link {
	uint32_t ifindex;
	bool point_to_point; /* has no gateways behind it: a tunnel */
	bool up_changed;     /* it was set up or down just now */
};

struct learned_address {
	uint32_t ifindex;
	struct prefix prefix; /* with its host bits */
};

/* Each reads a message's body. True, or false where it is of another address family or makes no
 * sense; then nothing of the result counts. */
bool learned_read_route(const struct netlink_message *message, struct learned_route *route);
bool learned_read_nexthop(const struct netlink_message *message, struct learned_nexthop *nexthop);
bool learned_read_link(const struct netlink_message *message, struct learned_link *link);
bool learned_read_address(const struct netlink_message *message, struct learned_address *address);
