/* SPDX-License-Identifier: BSD-3-Clause */

/* Reading a route out of RTM_NEWROUTE and RTM_DELROUTE. */

#include <arpa/inet.h>
#include <errno.h>

#include "address.h"
#include "compiler.h"
#include "drops.h"
#include "gateway.h"
#include "route_parts.h"
#include "tunnel.h"

#define ANY_BYTES 0, UINT16_MAX

const struct netlink_rule route_rules[ROUTE_ATTRIBUTES] = {
	[RTA_DST] = { "destination", NETLINK_BYTES, 4, 4 },
	[RTA_SRC] = { "source", NETLINK_BYTES, 4, 4 },
	[RTA_IIF] = { "input interface", NETLINK_BYTES, 4, 4 },
	[RTA_OIF] = { "output interface", NETLINK_BYTES, 4, 4 },
	[RTA_GATEWAY] = { "gateway", NETLINK_BYTES, 4, 4 },
	[RTA_PRIORITY] = { "priority", NETLINK_BYTES, 4, 4 },
	[RTA_PREFSRC] = { "preferred source", NETLINK_BYTES, 4, 4 },
	[RTA_METRICS] = { "metrics", NETLINK_BYTES, ANY_BYTES },
	[RTA_MULTIPATH] = { "multipath", NETLINK_BYTES, ANY_BYTES },
	[RTA_FLOW] = { "flow", NETLINK_BYTES, 4, 4 },
	[RTA_CACHEINFO] = { "cache info", NETLINK_BYTES, ANY_BYTES },
	[RTA_TABLE] = { "table", NETLINK_BYTES, 4, 4 },
	[RTA_MARK] = { "mark", NETLINK_BYTES, 4, 4 },
	[RTA_VIA] = { "via", NETLINK_BYTES, ANY_BYTES },
	[RTA_PREF] = { "preference", NETLINK_BYTES, 1, 1 },
	[RTA_ENCAP_TYPE] = { "encapsulation type", NETLINK_BYTES, 2, 2 },
	[RTA_ENCAP] = { "encapsulation", NETLINK_BYTES, ANY_BYTES },
	[RTA_EXPIRES] = { "expiry", NETLINK_BYTES, ANY_BYTES },
	[RTA_UID] = { "user", NETLINK_BYTES, 4, 4 },
	[RTA_TTL_PROPAGATE] = { "TTL propagation", NETLINK_BYTES, 1, 1 },
	[RTA_IP_PROTO] = { "IP protocol", NETLINK_BYTES, 1, 1 },
	[RTA_SPORT] = { "source port", NETLINK_BYTES, 2, 2 },
	[RTA_DPORT] = { "destination port", NETLINK_BYTES, 2, 2 },
	[RTA_NH_ID] = { "nexthop id", NETLINK_BYTES, 4, 4 },
};

/* What would change where packets go, and Espalier does not do. */
static const uint16_t unsupported[] = { RTA_SRC, RTA_IIF, RTA_MARK, RTA_VIA, RTA_ENCAP_TYPE,
	RTA_ENCAP, RTA_EXPIRES, RTA_UID, RTA_IP_PROTO, RTA_SPORT, RTA_DPORT, RTA_NH_ID };

uint32_t
route_address(const struct netlink_attribute *attribute)
{
	return ntohl(netlink_u32(attribute));
}

const char *
route_prefix_text(struct prefix prefix, char text[PREFIX_TEXT_BYTES])
{
	return prefix.bits < 32 ? prefix_format(prefix, text)
				: address_format(prefix.address, text);
}

/* --- ways --- */

/* What a message says of one way. */
struct hop {
	uint32_t ifindex; /* 0: not given */
	uint32_t gateway; /* 0: not given */
	uint16_t weight;
	uint8_t flags; /* RTNH_F_* */
};

/* A gateway without interface is reached by the route to it, which must end at a link. */
static int
resolve(const struct session_context *context, const struct hop *hop, struct nexthop_spec *way,
	struct netlink_refusal *why)
{
	struct nexthop_spec found[GROUP_MEMBERS_MAX];
	char text[ADDRESS_TEXT_BYTES];
	unsigned n = nexthop_specs(context->gw, route_will_match(context, hop->gateway), found);

	if (n == 1 && found[0].kind == NEXTHOP_ONLINK) {
		way->kind = NEXTHOP_GATEWAY;
		way->port = found[0].port;
		return 0;
	}
	if (n == 1 && found[0].kind == NEXTHOP_TUNNEL) {
		way->kind = NEXTHOP_TUNNEL;
		way->tunnel = found[0].tunnel;
		return 0;
	}
	address_format(hop->gateway, text);
	if (n == 1 && found[0].kind == NEXTHOP_LOCAL)
		return netlink_refuse(why, EINVAL, "the gateway %s is an address of our own", text);
	return netlink_refuse(why, ENETUNREACH,
		"the gateway %s is in no network of a port or tunnel; name its interface", text);
}

/* As in the configuration, and as the kernel has it: a gateway is a host, and another one. */
static int
check_gateway(const struct gateway *gw, const struct nexthop_spec *way, struct netlink_refusal *why)
{
	const struct port *port = &gw->ports[way->port];
	char text[ADDRESS_TEXT_BYTES];

	for (unsigned i = 0; i < port->n_addresses; i++) {
		struct prefix network = port->addresses[i];

		if (network.address == way->gateway)
			return netlink_refuse(why, EINVAL,
				"the gateway %s is an address of our own",
				address_format(way->gateway, text));
		if (prefix_covers(network, way->gateway) && prefix_is_edge(network, way->gateway))
			return netlink_refuse(why, EINVAL,
				"the gateway %s is no host: it stands for a whole network",
				address_format(way->gateway, text));
	}
	return 0;
}

static int
read_way(const struct session_context *context, const struct hop *hop, struct nexthop_spec *way,
	struct netlink_refusal *why)
{
	const struct gateway *gw = context->gw;
	struct link link;

	*way = (struct nexthop_spec) { .weight = hop->weight, .gateway = hop->gateway };
	if (hop->ifindex == 0 && hop->gateway == 0)
		return netlink_refuse(why, ENODEV, "a way needs a gateway, an interface, or both");
	if (hop->ifindex == 0) {
		int error = resolve(context, hop, way, why);

		return error < 0 || way->kind != NEXTHOP_GATEWAY ? error
								 : check_gateway(gw, way, why);
	}
	if (!ifindex_find(gw, hop->ifindex, &link))
		return netlink_refuse(
			why, ENODEV, "no port and no tunnel has interface index %u", hop->ifindex);
	if (link.tunnel != NULL) {
		/* One peer is at the other end, whatever it is called. */
		way->kind = NEXTHOP_TUNNEL;
		way->tunnel = link.tunnel->index;
		return 0;
	}
	way->kind = hop->gateway != 0 ? NEXTHOP_GATEWAY : NEXTHOP_ONLINK;
	way->port = link.port->index;
	return hop->gateway != 0 ? check_gateway(gw, way, why) : 0;
}

/* A route is deleted by its gateway whatever there is on the way to that by now. */
static int
read_old_way(const struct session_context *context, const struct hop *hop, struct nexthop_spec *way,
	struct netlink_refusal *why)
{
	int error = read_way(context, hop, way, why);

	if (hop->ifindex != 0 || hop->gateway == 0 || (error == 0 && way->kind == NEXTHOP_TUNNEL))
		return error;
	*way = (struct nexthop_spec) { .kind = NEXTHOP_GATEWAY,
		.port = ROUTE_ANY_PORT,
		.weight = hop->weight,
		.gateway = hop->gateway };
	return 0;
}

static int
add_way(const struct session_context *context, const struct hop *hop, struct route_request *route,
	struct netlink_refusal *why)
{
	struct nexthop_spec *way = &route->ways[route->n_ways++];

	if (!route->deletes && (hop->flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) != 0)
		return netlink_refuse(
			why, EINVAL, "a way cannot be set with the flag DEAD or LINKDOWN");
	return route->deletes ? read_old_way(context, hop, way, why)
			      : read_way(context, hop, way, why);
}

/* One struct rtnexthop and what belongs to it. */
static int
read_hop(struct netlink_span *hops, struct hop *hop, struct netlink_refusal *why)
{
	struct netlink_attribute found[ROUTE_ATTRIBUTES];
	struct netlink_span peek = *hops, part;
	struct rtnexthop header;
	int error;

	if (!netlink_take(&peek, &header, sizeof(header)) || header.rtnh_len < sizeof(header) ||
		!netlink_split(hops, header.rtnh_len, &part))
		return netlink_refuse(
			why, EINVAL, "attribute 'multipath' holds a way of a wrong length");
	netlink_take(&part, &header, sizeof(header));
	error = netlink_parse(part, route_rules, found, ROUTE_ATTRIBUTES, why);
	if (error < 0)
		return error;
	for (unsigned i = 0; i < ARRAY_LEN(unsupported); i++)
		if (found[unsupported[i]].data != NULL)
			return netlink_refuse(why, EOPNOTSUPP, "'%s' of a way is not supported",
				route_rules[unsupported[i]].name);
	*hop = (struct hop) {
		.flags = header.rtnh_flags,
		.ifindex = header.rtnh_ifindex < 0 ? UINT32_MAX : (uint32_t)header.rtnh_ifindex,
		.gateway = route_address(&found[RTA_GATEWAY]),
		.weight = (uint16_t)(header.rtnh_hops + 1),
	};
	return 0;
}

static int
read_multipath(const struct session_context *context, const struct netlink_attribute *attribute,
	struct route_request *route, struct netlink_refusal *why)
{
	struct netlink_span hops = { attribute->data, attribute->bytes };

	if (hops.bytes == 0)
		return netlink_refuse(why, EINVAL, "attribute 'multipath' holds no way");
	while (hops.bytes > 0) {
		struct hop hop;

		if (route->n_ways == GROUP_MEMBERS_MAX)
			return netlink_refuse(
				why, EINVAL, "a route has %u ways at most", GROUP_MEMBERS_MAX);
		int error = read_hop(&hops, &hop, why);
		if (error == 0)
			error = add_way(context, &hop, route, why);
		if (error < 0)
			return error;
	}
	return 0;
}

static uint8_t
drop_of(uint8_t type)
{
	switch (type) {
	case RTN_UNREACHABLE:
		return DROP_unreachable;
	case RTN_PROHIBIT:
		return DROP_prohibited;
	default:
		return DROP_blackhole;
	}
}

static int
read_ways(const struct session_context *context, const struct netlink_attribute found[],
	struct route_request *route, struct netlink_refusal *why)
{
	struct hop hop = {
		.ifindex = netlink_u32(&found[RTA_OIF]),
		.gateway = route_address(&found[RTA_GATEWAY]),
		.weight = 1,
	};

	switch (route->type) {
	case RTN_LOCAL:
		route->ways[0] = (struct nexthop_spec) { .kind = NEXTHOP_LOCAL, .weight = 1 };
		route->n_ways = 1;
		return 0;
	case RTN_BLACKHOLE:
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
		if (!route->deletes &&
			(hop.ifindex != 0 || hop.gateway != 0 || found[RTA_MULTIPATH].data != NULL))
			return netlink_refuse(why, EINVAL,
				"a route that drops has neither a gateway nor an interface");
		route->ways[0] = (struct nexthop_spec) {
			.kind = NEXTHOP_DROP, .weight = 1, .reason = drop_of(route->type)
		};
		route->n_ways = 1;
		return 0;
	default:
		break;
	}
	if (found[RTA_MULTIPATH].data != NULL)
		return read_multipath(context, &found[RTA_MULTIPATH], route, why);
	if (hop.ifindex == 0 && hop.gateway == 0)
		return 0;
	return add_way(context, &hop, route, why);
}

/* --- the rest --- */

static int
check_header(const struct rtmsg *header, uint32_t table, struct netlink_refusal *why)
{
	if (header->rtm_family != AF_INET)
		return netlink_refuse(why, EAFNOSUPPORT,
			"address family %u: this version routes IPv4 alone", header->rtm_family);
	if (header->rtm_dst_len > 32)
		return netlink_refuse(
			why, EINVAL, "a prefix of %u bits; IPv4 has 32", header->rtm_dst_len);
	if (header->rtm_src_len != 0)
		return netlink_refuse(why, EOPNOTSUPP, "routes by source are not supported");
	if (header->rtm_tos != 0)
		return netlink_refuse(why, EOPNOTSUPP, "routes by TOS are not supported");
	if (table != RT_TABLE_UNSPEC && table != RT_TABLE_MAIN && table != RT_TABLE_LOCAL)
		return netlink_refuse(why, EOPNOTSUPP,
			"table %u: this version has the main table (254) alone", table);
	switch (header->rtm_type) {
	case RTN_UNSPEC:
	case RTN_UNICAST:
	case RTN_LOCAL:
	case RTN_BLACKHOLE:
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
		break;
	default:
		return netlink_refuse(why, header->rtm_type > RTN_MAX ? EINVAL : EOPNOTSUPP,
			"routes of type %u are not supported", header->rtm_type);
	}
	if (table == RT_TABLE_LOCAL && header->rtm_type != RTN_LOCAL &&
		header->rtm_type != RTN_UNSPEC)
		return netlink_refuse(
			why, EOPNOTSUPP, "the local table (255) holds local routes alone");
	return 0;
}

int
route_read(const struct session_context *context, const struct netlink_message *request,
	struct route_request *route, struct netlink_refusal *why)
{
	struct netlink_attribute found[ROUTE_ATTRIBUTES];
	struct netlink_span body = request->body;
	char text[PREFIX_TEXT_BYTES];
	struct rtmsg header = { 0 };

	netlink_take(&body, &header, sizeof(header));
	/* Before the attributes: those of another family have other lengths. */
	int error = check_header(&header, header.rtm_table, why);
	if (error == 0)
		error = netlink_parse(body, route_rules, found, ROUTE_ATTRIBUTES, why);
	uint32_t table = header.rtm_table;
	if (error == 0 && found[RTA_TABLE].data != NULL) {
		table = netlink_u32(&found[RTA_TABLE]);
		error = check_header(&header, table, why);
	}
	if (error < 0)
		return error;
	for (unsigned i = 0; i < ARRAY_LEN(unsupported); i++)
		if (found[unsupported[i]].data != NULL)
			return netlink_refuse(why, EOPNOTSUPP, "'%s' of a route is not supported",
				route_rules[unsupported[i]].name);
	*route = (struct route_request) {
		.prefix = { route_address(&found[RTA_DST]), header.rtm_dst_len },
		.deletes = request->type == RTM_DELROUTE,
		.local_table = table == RT_TABLE_LOCAL,
		.type = header.rtm_type,
		.protocol = header.rtm_protocol,
		.priority = netlink_u32(&found[RTA_PRIORITY]),
	};
	if ((route->prefix.address & ~prefix_mask(route->prefix.bits)) != 0)
		return netlink_refuse(why, EINVAL, "%s has bits behind its prefix",
			route_prefix_text(route->prefix, text));
	return read_ways(context, found, route, why);
}
