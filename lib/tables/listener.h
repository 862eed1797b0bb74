/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * How the tables tell what happened to whoever wants to know, for tables know nothing of control.
 * One object, put into gateway.listener by its owner and taken out again before it goes; without
 * one nobody is told. All calls come from the control core. Any of them may be NULL.
 */

struct sa;
struct port;
struct tunnel;
struct packet_flow;
struct route_change;
struct neighbor;

enum sa_expiry { SA_EXPIRES_SOFT, SA_EXPIRES_HARD };

struct listener {
	void *context;
	/* A lifetime ran out: soft, once per SA, or hard, once too; after a hard one workers pass
	 * nothing more. The listener may delete the SA. */
	void (*sa_expired)(void *context, struct sa *sa, enum sa_expiry how);
	/* A deleted SA is about to be wiped: no worker uses it any more, and its counters are
	 * final.
	 */
	void (*sa_retired)(void *context, const struct sa *sa);
	/* A packet found no SA that its tunnel's policy would ask for. False: there was nobody to
	 * be told. */
	bool (*acquire)(void *context, const struct tunnel *tunnel, const struct packet_flow *flow);
	/* An authentic packet of a UDP-encapsulated SA came from another address or port; see
	 * mapping.h. */
	void (*mapping)(
		void *context, const struct sa *sa, uint32_t new_address, uint16_t new_port);
	/* A route was set or deleted; workers see it by now. `replaced` is the next hop that the
	 * prefix had before, or NEXTHOP_NONE; it is still there. */
	void (*route_changed)(void *context, const struct route_change *change, uint32_t replaced);
	/* A neighbor's MAC was set, learned or forgotten. */
	void (*neighbor_changed)(void *context, const struct neighbor *neighbor);
	/* A port's link came or went. */
	void (*port_changed)(void *context, const struct port *port);
	/* A tunnel's state is another. */
	void (*tunnel_changed)(void *context, const struct tunnel *tunnel);
};
