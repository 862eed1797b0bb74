/* SPDX-License-Identifier: BSD-3-Clause */
#include "tunnel.h"

#include <stdio.h>

#include "branch.h"
#include "gateway.h"
#include "neighbor.h"

/* A tunnel's state in words, and the reason for it. */

const char *
tunnel_state_name(enum tunnel_state state)
{
	static const char *const names[] = {
		[TUNNEL_UP] = "up",
		[TUNNEL_IDLE] = "idle",
		[TUNNEL_UNREACHABLE] = "unreachable",
		[TUNNEL_NO_SA] = "no-sa",
		[TUNNEL_DOWN] = "down",
	};

	return names[state];
}

static void
describe_way(const struct gateway *gw, const struct tunnel *tunnel, char why[TUNNEL_WHY_BYTES])
{
	const struct neighbor *via = tunnel->via;
	uint32_t address = via != NULL ? via->address : tunnel->towards;
	char text[ADDRESS_TEXT_BYTES];

	address_format(address, text);
	if (via != NULL && !gateway_has_link(gw, via->port))
		snprintf(why, TUNNEL_WHY_BYTES, "port %s has no link", gw->ports[via->port].name);
	/* It has one: see tunnel.c's build(). */
	else if (branch_blocked(gateway_encap(gw, tunnel->index)) == DROP_no_sa)
		snprintf(why, TUNNEL_WHY_BYTES, "there is no room for the SAs of its policies");
	else if (via != NULL)
		snprintf(why, TUNNEL_WHY_BYTES, "neighbor %s of port %s is not known", text,
			gw->ports[via->port].name);
	else
		snprintf(why, TUNNEL_WHY_BYTES, "no route out of a port leads to %s", text);
}

bool
tunnel_why(const struct gateway *gw, const struct tunnel *tunnel, char why[TUNNEL_WHY_BYTES])
{
	switch (tunnel->state) {
	case TUNNEL_UP:
		break;
	case TUNNEL_IDLE:
		snprintf(why, TUNNEL_WHY_BYTES, "the first packet asks for an SA");
		return true;
	case TUNNEL_UNREACHABLE:
		describe_way(gw, tunnel, why);
		return true;
	case TUNNEL_NO_SA:
		snprintf(why, TUNNEL_WHY_BYTES, "%s",
			gateway_encap(gw, tunnel->index)->drop == DROP_no_sa
				? "no outbound SA"
				: "its last outbound SA ran out");
		return true;
	case TUNNEL_DOWN:
		if (tunnel->held_down)
			snprintf(why, TUNNEL_WHY_BYTES, "held by the operator");
		else
			snprintf(why, TUNNEL_WHY_BYTES, "nothing came back for %u ms",
				tunnel->liveness_ms);
		return true;
	}
	return false;
}
