/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

/*
 * The control socket's own messages: a netlink header (linux/netlink.h), then what stands here.
 * Everything is in host byte order, as netlink is, but for addresses. Shared by the server and its
 * clients. docs/control-socket.md tells it as a tree.
 *
 * A connection speaks one family, named by its first datagram, ESPALIER_HELLO.
 */

#define ESPALIER_PROTOCOL_VERSION 1
/* The read-only socket stands beside the other: "control.sock" -> "control-ro.sock". */
#define ESPALIER_SOCKET_RO_SUFFIX "-ro"

enum espalier_family {
	ESPALIER_FAMILY_ROUTE = 0, /* NETLINK_ROUTE */
	ESPALIER_FAMILY_XFRM = 6,  /* NETLINK_XFRM */
	ESPALIER_FAMILY_OWN = 0xE5,
};

enum espalier_message {
	ESPALIER_HELLO = 0xF000, /* struct espalier_hello; acked */
	ESPALIER_GROUP = 0xF001, /* struct espalier_group; acked */
	/* own family */
	ESPALIER_SHOW = 0xF010, /* u32 enum espalier_subject; answers: one JSON object a message,
				   NLM_F_MULTI, then NLMSG_DONE */
	ESPALIER_EXPLAIN =
		0xF011, /* attributes ESPALIER_FLOW_*; answer: one JSON object, then the ack */
	ESPALIER_RESUME = 0xF012, /* nothing; acked; read-write socket only */
	ESPALIER_TUNNEL_SET =
		0xF013, /* attributes ESPALIER_TUNNEL_*; acked; read-write socket only */
	/* family ROUTE, read-write socket only; acked */
	ESPALIER_BEGIN = 0xF020,  /* attributes ESPALIER_OWNER_*: a round of that owner begins */
	ESPALIER_COMMIT = 0xF021, /* nothing: what it did not set again goes */
};

struct espalier_hello {
	uint32_t version; /* ESPALIER_PROTOCOL_VERSION */
	uint32_t family;  /* enum espalier_family */
};

struct espalier_group {
	uint32_t group;
	uint32_t join; /* 1 join, 0 leave */
};

enum espalier_subject {
	ESPALIER_SHOW_TUNNELS,
	ESPALIER_SHOW_SAS,
	ESPALIER_SHOW_ROUTES,
	ESPALIER_SHOW_NEIGHBORS,
	ESPALIER_SHOW_PORTS,
	ESPALIER_SHOW_WORKERS,
	ESPALIER_SHOW_DROPS,
	ESPALIER_SHOW_GROUPS,
	ESPALIER_SHOW_VERSION, /* one object, not a list */
	ESPALIER_SHOW_POLICIES,
	ESPALIER_SUBJECTS
};

enum espalier_flow_attribute {
	ESPALIER_FLOW_UNSPEC,
	ESPALIER_FLOW_FROM,     /* 4 bytes, network order */
	ESPALIER_FLOW_TO,       /* 4 bytes, network order */
	ESPALIER_FLOW_PROTOCOL, /* u8 */
	ESPALIER_FLOW_SPORT,    /* u16 */
	ESPALIER_FLOW_DPORT,    /* u16 */
};

enum espalier_owner_attribute {
	ESPALIER_OWNER_UNSPEC,
	ESPALIER_OWNER_NAME, /* string with its zero, 1 to 31 of a-z, 0-9 and '-' */
};

enum espalier_tunnel_attribute {
	ESPALIER_TUNNEL_UNSPEC,
	ESPALIER_TUNNEL_NAME, /* string with its zero */
	ESPALIER_TUNNEL_DOWN, /* u8: 1 holds it down, 0 lets it go */
};
