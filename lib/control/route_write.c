/* SPDX-License-Identifier: BSD-3-Clause */

/* Routes as rtnetlink messages: rows of dumps, answers and events. */

#include <arpa/inet.h>
#include <errno.h>

#include "drops.h"
#include "gateway.h"
#include "outbox.h"
#include "route_parts.h"
#include "tunnel.h"

uint8_t
route_type(const struct nexthop_spec *way)
{
	switch (way->kind) {
	case NEXTHOP_LOCAL:
		return RTN_LOCAL;
	case NEXTHOP_DROP:
		return way->reason == DROP_unreachable   ? RTN_UNREACHABLE
			: way->reason == DROP_prohibited ? RTN_PROHIBIT
							 : RTN_BLACKHOLE;
	default:
		return RTN_UNICAST;
	}
}

uint8_t
route_table_of(const struct nexthop_spec *way)
{
	return way->kind == NEXTHOP_LOCAL ? RT_TABLE_LOCAL : RT_TABLE_MAIN;
}

uint8_t
route_scope(const struct nexthop_spec *way)
{
	switch (way->kind) {
	case NEXTHOP_LOCAL:
		return RT_SCOPE_HOST;
	case NEXTHOP_ONLINK:
	case NEXTHOP_TUNNEL:
		return RT_SCOPE_LINK;
	default:
		return RT_SCOPE_UNIVERSE;
	}
}

/* 0: the way has no interface. */
static uint32_t
ifindex_of_way(const struct gateway *gw, const struct nexthop_spec *way)
{
	switch (way->kind) {
	case NEXTHOP_ONLINK:
	case NEXTHOP_GATEWAY:
		return ifindex_of_port(&gw->ports[way->port]);
	case NEXTHOP_TUNNEL:
		return ifindex_of_tunnel(&gw->tunnels[way->tunnel]);
	default:
		return 0;
	}
}

void
route_put_way(
	struct netlink_writer *writer, const struct gateway *gw, const struct nexthop_spec *way)
{
	uint32_t ifindex = ifindex_of_way(gw, way);

	if (way->kind == NEXTHOP_GATEWAY)
		netlink_put_u32(writer, RTA_GATEWAY, htonl(way->gateway));
	if (ifindex != 0)
		netlink_put_u32(writer, RTA_OIF, ifindex);
}

static void
put_multipath(struct netlink_writer *writer, const struct gateway *gw,
	const struct nexthop_spec ways[], unsigned n)
{
	size_t nest = netlink_nest_begin(writer, RTA_MULTIPATH);

	/* A weight above what can be said comes of ways given twice. */
	for (unsigned i = 0; i < n; i++)
		netlink_put_hop(writer, ifindex_of_way(gw, &ways[i]), ways[i].weight,
			ways[i].kind == NEXTHOP_GATEWAY ? ways[i].gateway : 0);
	netlink_nest_end(writer, nest);
}

int
route_write(struct netlink_writer *writer, const struct gateway *gw,
	const struct route_header *header, const struct route *route)
{
	struct nexthop_spec ways[GROUP_MEMBERS_MAX] = { { .kind = NEXTHOP_DROP } };
	unsigned n = nexthop_specs(gw, route->nexthop, ways);
	struct rtmsg body = {
		.rtm_family = AF_INET,
		.rtm_dst_len = route->prefix.bits,
		.rtm_table = route_table_of(&ways[0]),
		.rtm_protocol = route->protocol,
		.rtm_scope = n > 1 ? RT_SCOPE_UNIVERSE : route_scope(&ways[0]),
		.rtm_type = route_type(&ways[0]),
	};

	netlink_begin(writer, header->type, header->flags, header->sequence, header->pid);
	netlink_put(writer, &body, sizeof(body));
	netlink_put_u32(writer, RTA_TABLE, body.rtm_table);
	if (route->prefix.bits > 0)
		netlink_put_u32(writer, RTA_DST, htonl(route->prefix.address));
	if (n > 1)
		put_multipath(writer, gw, ways, n);
	else
		route_put_way(writer, gw, &ways[0]);
	return netlink_commit(writer);
}

struct route_header
route_answer_begin(struct session *session, const struct netlink_message *request, uint16_t type,
	struct netlink_writer *writer)
{
	netlink_writer_init(writer, session->context->scratch, session->family->answer_bytes);
	return (struct route_header) { type, 0, request->sequence, request->pid };
}

int
route_answer_end(struct session *session, struct netlink_writer *writer, int written,
	struct netlink_refusal *why)
{
	int error = written;

	if (error == 0)
		error = outbox_put(session->outbox, writer->buffer, writer->used);
	return error == 0 ? 0 : netlink_refuse(why, -error, "there is no room for the answer");
}
