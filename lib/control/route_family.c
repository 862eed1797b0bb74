/* SPDX-License-Identifier: BSD-3-Clause */
#include "route_family.h"

#include <errno.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "compiler.h"
#include "protocol.h"
#include "route_parts.h"

/* What the kernel has and we have none of: nexthop objects, rules, settings of interfaces. */
static int
append_nothing(struct session *session, struct dump *dump, struct netlink_writer *writer)
{
	(void)session;
	(void)dump;
	(void)writer;
	return 0;
}

static int
get_nothing(
	struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	if (!route_is_dump(request))
		return netlink_refuse(why, EOPNOTSUPP,
			"messages of type %u are answered with an empty listing alone",
			request->type);
	return session_dump(session, request, append_nothing, 0);
}

/* `ip link` sends one that names nothing, to learn whether links can be set by message. They can,
 * but not here: any other answer would make it set the kernel's. */
static int
set_link(
	struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	struct netlink_span body = request->body;
	struct ifinfomsg named = { 0 };

	(void)session;
	netlink_take(&body, &named, sizeof(named));
	if (named.ifi_index == 0 && body.bytes == 0)
		return netlink_refuse(why, ENODEV, "the message names no interface");
	return netlink_refuse(
		why, EPERM, "ports and tunnels are set in the configuration file alone");
}

static int
set_address(
	struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	(void)session;
	(void)request;
	return netlink_refuse(why, EPERM, "addresses are set in the configuration file alone");
}

#define BODY(type) sizeof(struct type)

static const struct message_type types[] = {
	{ RTM_NEWROUTE, BODY(rtmsg), MESSAGE_WRITES | MESSAGE_DEFERS, "RTM_NEWROUTE", route_new },
	{ RTM_DELROUTE, BODY(rtmsg), MESSAGE_WRITES | MESSAGE_DEFERS, "RTM_DELROUTE",
		route_delete },
	{ RTM_GETROUTE, BODY(rtmsg), MESSAGE_DUMPS, "RTM_GETROUTE", route_get },
	{ RTM_NEWNEIGH, BODY(ndmsg), MESSAGE_WRITES, "RTM_NEWNEIGH", neighbor_message_new },
	{ RTM_DELNEIGH, BODY(ndmsg), MESSAGE_WRITES, "RTM_DELNEIGH", neighbor_message_delete },
	{ RTM_GETNEIGH, 1, MESSAGE_DUMPS, "RTM_GETNEIGH", neighbor_message_get },
	{ RTM_GETLINK, 1, MESSAGE_DUMPS, "RTM_GETLINK", link_message_get },
	{ RTM_NEWLINK, BODY(ifinfomsg), MESSAGE_WRITES, "RTM_NEWLINK", set_link },
	{ RTM_SETLINK, BODY(ifinfomsg), MESSAGE_WRITES, "RTM_SETLINK", set_link },
	{ RTM_DELLINK, BODY(ifinfomsg), MESSAGE_WRITES, "RTM_DELLINK", set_link },
	{ RTM_GETADDR, 1, MESSAGE_DUMPS, "RTM_GETADDR", address_message_get },
	{ RTM_NEWADDR, BODY(ifaddrmsg), MESSAGE_WRITES, "RTM_NEWADDR", set_address },
	{ RTM_DELADDR, BODY(ifaddrmsg), MESSAGE_WRITES, "RTM_DELADDR", set_address },
	{ RTM_GETRULE, 1, MESSAGE_DUMPS, "RTM_GETRULE", get_nothing },
	{ RTM_GETNEXTHOP, 1, MESSAGE_DUMPS, "RTM_GETNEXTHOP", get_nothing },
	{ ESPALIER_BEGIN, 0, MESSAGE_WRITES, "BEGIN", route_begin },
	{ ESPALIER_COMMIT, 0, MESSAGE_WRITES, "COMMIT", route_commit },
	{ RTM_GETNETCONF, 1, MESSAGE_DUMPS, "RTM_GETNETCONF", get_nothing },
};

const struct family route_family = {
	.id = ESPALIER_FAMILY_ROUTE,
	.name = "ROUTE",
	.request_bytes = SESSION_REQUEST_BYTES_MAX,
	.answer_bytes = 4096, /* what the smallest of the clients' buffers holds */
	.groups_max = RTNLGRP_MAX,
	.types = types,
	.n_types = ARRAY_LEN(types),
	.settle = route_settle,
};
