/* SPDX-License-Identifier: BSD-3-Clause */

/* RTM_GETROUTE: the routes, or the way of one packet. */

#include <arpa/inet.h>
#include <errno.h>

#include "drops.h"
#include "ecmp.h"
#include "flow_hash.h"
#include "gateway.h"
#include "route_parts.h"
#include "tunnel.h"

/* --- all --- */

enum filter { FILTER_TABLE, FILTER_PROTOCOL, FILTER_IFINDEX, FILTER_TYPE }; /* 0: any */

static bool
goes_through(
	const struct gateway *gw, const struct nexthop_spec ways[], unsigned n, uint32_t ifindex)
{
	struct link link;

	if (!ifindex_find(gw, ifindex, &link))
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (ways[i].kind == NEXTHOP_TUNNEL && link.tunnel == &gw->tunnels[ways[i].tunnel])
			return true;
		if ((ways[i].kind == NEXTHOP_ONLINK || ways[i].kind == NEXTHOP_GATEWAY) &&
			link.port == &gw->ports[ways[i].port])
			return true;
	}
	return false;
}

static bool
passes(const struct gateway *gw, const struct dump *dump, const struct route *route)
{
	const uint32_t *filter = dump->filter;
	struct nexthop_spec ways[GROUP_MEMBERS_MAX] = { { .kind = NEXTHOP_DROP } };
	unsigned n = nexthop_specs(gw, route->nexthop, ways);

	return (filter[FILTER_TABLE] == 0 || filter[FILTER_TABLE] == route_table_of(&ways[0])) &&
		(filter[FILTER_PROTOCOL] == 0 || filter[FILTER_PROTOCOL] == route->protocol) &&
		(filter[FILTER_TYPE] == 0 || filter[FILTER_TYPE] == route_type(&ways[0])) &&
		(filter[FILTER_IFINDEX] == 0 || goes_through(gw, ways, n, filter[FILTER_IFINDEX]));
}

static int
append_route(struct session *session, struct dump *dump, struct netlink_writer *writer)
{
	const struct gateway *gw = session->context->gw;
	struct route_header header = route_row_header(dump, RTM_NEWROUTE);
	const struct route *route;

	for (int i = 0; i < 4; i++)
		if (dump->filter[i] != 0)
			header.flags |= NLM_F_DUMP_FILTERED;
	route = route_next(gw, &dump->cursor);
	if (route == NULL)
		return 0;
	int error = passes(gw, dump, route) ? route_write(writer, gw, &header, route) : 0;
	return error == 0 ? 1 : error;
}

static int
dump_routes(struct session *session, const struct netlink_message *request,
	const struct rtmsg *header, struct netlink_span attributes, struct netlink_refusal *why)
{
	struct netlink_attribute found[ROUTE_ATTRIBUTES];

	if (!route_lists_ipv4(header->rtm_family))
		return session_dump(session, request, route_append_nothing, 0);
	int error = netlink_parse(attributes, route_rules, found, ROUTE_ATTRIBUTES, why);
	if (error < 0)
		return error;
	int result = session_dump(session, request, append_route, 0);
	uint32_t *filter = session->dump.filter;
	filter[FILTER_TABLE] =
		found[RTA_TABLE].data != NULL ? netlink_u32(&found[RTA_TABLE]) : header->rtm_table;
	filter[FILTER_PROTOCOL] = header->rtm_protocol;
	filter[FILTER_TYPE] = header->rtm_type;
	filter[FILTER_IFINDEX] = netlink_u32(&found[RTA_OIF]);
	return result;
}

/* --- one --- */

/* The way that workers send a packet of that flow: one of the route's. */
static struct nexthop_spec
choose(const struct gateway *gw, const struct route *route, const struct netlink_attribute found[])
{
	uint8_t protocol = netlink_u8(&found[RTA_IP_PROTO]);
	uint32_t ports = 0;
	struct nexthop_spec ways[GROUP_MEMBERS_MAX] = { { .kind = NEXTHOP_DROP } };
	const struct nexthop *nexthop = nexthop_read(nexthop_slots(gw->nexthops), route->nexthop);
	uint32_t id = route->nexthop;

	if (flow_has_ports(protocol))
		ports = (uint32_t)ntohs(netlink_u16(&found[RTA_SPORT])) << 16 |
			ntohs(netlink_u16(&found[RTA_DPORT]));
	if (nexthop->kind == NEXTHOP_GROUP) {
		uint32_t hash = flow_hash(gw->hash_seed, route_address(&found[RTA_SRC]),
			route_address(&found[RTA_DST]), protocol, ports);

		id = nexthop_leaf_id(nexthop, ecmp_bucket(hash));
	}
	nexthop_specs(gw, id, ways);
	return ways[0];
}

/* With the errors of the kernel. */
static int
refuse_drop(uint8_t reason, struct netlink_refusal *why)
{
	switch (reason) {
	case DROP_unreachable:
		return netlink_refuse(why, EHOSTUNREACH, "the route says unreachable");
	case DROP_prohibited:
		return netlink_refuse(why, EACCES, "the route says prohibit");
	default:
		return netlink_refuse(why, EINVAL, "the route says drop");
	}
}

static int
answer_way(struct session *session, const struct netlink_message *request,
	const struct route *route, const struct netlink_attribute found[],
	struct netlink_refusal *why)
{
	const struct gateway *gw = session->context->gw;
	struct nexthop_spec way = choose(gw, route, found);
	struct netlink_writer writer;

	uint32_t ifindex = netlink_u32(&found[RTA_OIF]);

	if (way.kind == NEXTHOP_DROP)
		return refuse_drop(way.reason, why);
	if (ifindex != 0 && !goes_through(gw, &way, 1, ifindex))
		return netlink_refuse(
			why, ENETUNREACH, "the packet does not go out of that interface");
	struct route_header header = route_answer_begin(session, request, RTM_NEWROUTE, &writer);
	struct rtmsg body = {
		.rtm_family = AF_INET,
		.rtm_dst_len = 32,
		.rtm_src_len = found[RTA_SRC].data != NULL ? 32 : 0,
		.rtm_table = route_table_of(&way),
		.rtm_type = route_type(&way),
		.rtm_flags = RTM_F_CLONED,
	};
	netlink_begin(&writer, header.type, header.flags, header.sequence, header.pid);
	netlink_put(&writer, &body, sizeof(body));
	netlink_put_u32(&writer, RTA_TABLE, body.rtm_table);
	netlink_put_u32(&writer, RTA_DST, netlink_u32(&found[RTA_DST]));
	if (found[RTA_SRC].data != NULL)
		netlink_put_u32(&writer, RTA_SRC, netlink_u32(&found[RTA_SRC]));
	route_put_way(&writer, gw, &way);
	return route_answer_end(session, &writer, netlink_commit(&writer), why);
}

int
route_get(
	struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	const struct gateway *gw = session->context->gw;
	struct netlink_attribute found[ROUTE_ATTRIBUTES];
	struct netlink_span body = request->body;
	struct netlink_writer writer;
	char text[ADDRESS_TEXT_BYTES];
	struct rtmsg asked = { 0 };

	bool whole = route_take_asked(&body, &asked, sizeof(asked));
	if (route_is_dump(request))
		return dump_routes(session, request, &asked, body, why);
	if (!whole)
		return netlink_refuse(
			why, EINVAL, "RTM_GETROUTE without NLM_F_DUMP needs a struct rtmsg");
	if (asked.rtm_family != AF_INET)
		return netlink_refuse(why, EAFNOSUPPORT,
			"address family %u: this version routes IPv4 alone", asked.rtm_family);
	int error = netlink_parse(body, route_rules, found, ROUTE_ATTRIBUTES, why);
	if (error < 0)
		return error;
	if (found[RTA_DST].data == NULL)
		return netlink_refuse(why, EINVAL, "attribute 'destination' is missing");
	uint32_t address = route_address(&found[RTA_DST]);
	const struct route *route = route_match(gw, ROUTE_TABLE_MAIN, address);
	if (route == NULL)
		return netlink_refuse(
			why, ENETUNREACH, "no route covers %s", address_format(address, text));
	if ((asked.rtm_flags & RTM_F_FIB_MATCH) == 0)
		return answer_way(session, request, route, found, why);
	struct route_header header = route_answer_begin(session, request, RTM_NEWROUTE, &writer);
	return route_answer_end(session, &writer, route_write(&writer, gw, &header, route), why);
}
