/* SPDX-License-Identifier: BSD-3-Clause */

/* What a kernel has and Espalier has none of: nexthop objects, rules, settings of interfaces, names
 * of namespaces. Asked, it says that there are none; told to make one, why not. */

#include <errno.h>

#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include "route_parts.h"

int
route_append_nothing(struct session *session, struct dump *dump, struct netlink_writer *writer)
{
	(void)session;
	(void)dump;
	(void)writer;
	return 0;
}

static const char *
refused_words(uint16_t type)
{
	switch (type) {
	case RTM_NEWNEXTHOP:
		return "nexthop objects are not kept: give each route its own ways";
	case RTM_DELNEXTHOP:
	case RTM_GETNEXTHOP:
	case RTM_GETNEXTHOPBUCKET:
		return "there is no such nexthop object: routes have their own ways";
	case RTM_NEWRULE:
		return "rules are not supported: there is one table to look in";
	case RTM_DELRULE:
	case RTM_GETRULE:
		return "there is no such rule: there is one table to look in";
	default:
		return "there is none";
	}
}

int
absent_message_get(
	struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	if (!route_is_dump(request))
		return netlink_refuse(why, ENOENT, "%s", refused_words(request->type));
	return session_dump(session, request, route_append_nothing, 0);
}

int
absent_message_new(
	struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	(void)session;
	return netlink_refuse(why, EOPNOTSUPP, "%s", refused_words(request->type));
}

int
absent_message_delete(
	struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	(void)session;
	return netlink_refuse(why, ENOENT, "%s", refused_words(request->type));
}

/* `ip monitor` asks for the number of each namespace that has a name: here none has one. */
int
namespace_message_get(
	struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	const struct rtgenmsg body = { .rtgen_family = AF_UNSPEC };
	struct netlink_writer writer;

	if (route_is_dump(request))
		return session_dump(session, request, route_append_nothing, 0);
	struct route_header header = route_answer_begin(session, request, RTM_NEWNSID, &writer);
	netlink_begin(&writer, header.type, header.flags, header.sequence, header.pid);
	netlink_put(&writer, &body, sizeof(body));
	netlink_put_u32(&writer, NETNSA_NSID, (uint32_t)NETNSA_NSID_NOT_ASSIGNED);
	return route_answer_end(session, &writer, netlink_commit(&writer), why);
}

/* `ip link` sends one that names nothing, to learn whether links can be set by message. They can,
 * but not here: any other answer would make it set the kernel's. */
int
link_message_set(
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

int
address_message_set(
	struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	(void)session;
	(void)request;
	return netlink_refuse(why, EPERM, "addresses are set in the configuration file alone");
}
