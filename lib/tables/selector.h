/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prefix.h"

/*
 * Traffic selectors of a tunnel (RFC 4301 4.4.1): which inner packets may use it. Without a set all
 * may, and by an empty one none. Local is our side: the source of what goes out, the destination of
 * what comes in.
 */

struct selector {
	struct prefix local;
	struct prefix remote;
	/* Of ports, bits outside the mask do not matter; ICMP has its type in the place of the
	 * packet's source port, its code in that of the destination port. */
	uint16_t local_port, local_port_mask;
	uint16_t remote_port, remote_port_mask;
	uint32_t reqid;   /* inbound: of the SA that a packet came by; 0: any */
	uint8_t protocol; /* 0: any */
	bool blocks;      /* what matches may not pass */
};

/* The first selector that matches decides; what none matches may not pass. */
struct selector_set {
	uint32_t n;
	bool plain; /* prefixes alone, and all of them let pass: selector_match() suffices */
	struct selector selectors[];
};

/* What selectors look at in a packet, seen from our side. A fragment has no ports: 0. */
struct packet_flow {
	uint32_t local, remote; /* host order, like all of it */
	uint16_t local_port, remote_port;
	uint8_t protocol;
	uint32_t reqid; /* inbound: of its SA; 0: none, which fits all */
};

/* A set that is `plain`, or NULL. Any thread. */
static inline bool
selector_match(const struct selector_set *set, uint32_t local, uint32_t remote)
{
	if (set == NULL)
		return true;
	for (uint32_t i = 0; i < set->n; i++)
		if (prefix_covers(set->selectors[i].local, local) &&
			prefix_covers(set->selectors[i].remote, remote))
			return true;
	return false;
}

/* One selector, without regard to what it says of packets that match. Any thread. */
bool selector_covers(const struct selector *selector, const struct packet_flow *flow);
/* Any set, or NULL. Any thread. */
bool selector_match_flow(const struct selector_set *set, const struct packet_flow *flow);

static inline bool
selector_is_plain(const struct selector *selector)
{
	return selector->protocol == 0 && !selector->blocks && selector->reqid == 0 &&
		selector->local_port_mask == 0 && selector->remote_port_mask == 0;
}
