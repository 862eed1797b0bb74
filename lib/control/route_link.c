/* SPDX-License-Identifier: BSD-3-Clause */

/* RTM_GETLINK and RTM_GETADDR: ports and tunnels as the interfaces that programs take them for. */

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>

#include <rte_ether.h>

#include "compiler.h"
#include "gateway.h"
#include "route_parts.h"
#include "totals.h"
#include "tunnel.h"

/* Attributes that are known here, whatever they hold, by their number. */
#define LINK_ATTRIBUTES (IFLA_EXT_MASK + 1)

static const struct netlink_rule rules[LINK_ATTRIBUTES] = {
	[IFLA_IFNAME] = { "name", NETLINK_TEXT, 1, IFNAMSIZ },
	[IFLA_MASTER] = { "master", NETLINK_BYTES, 4, 4 },
	[IFLA_LINKINFO] = { "link info", NETLINK_BYTES, 0, UINT16_MAX },
	[IFLA_EXT_MASK] = { "extended mask", NETLINK_BYTES, 4, 4 },
};

/* --- links --- */

static uint32_t
mtu_of(const struct gateway *gw, struct link link)
{
	return link.port != NULL ? link.port->mtu : tunnel_current_mtu(gw, link.tunnel);
}

/* The names of if_link.h are for the interface's side; a port's rx is its interface's rx. */
static void
put_statistics(struct netlink_writer *writer, const struct gateway *gw, struct link link)
{
	struct rtnl_link_stats64 statistics = { 0 };
	struct port_counters port;
	struct tunnel_traffic passed;

	if (link.port != NULL) {
		totals_port(gw, link.port->index, &port);
		passed = (struct tunnel_traffic) { .tx = port.tx, .rx = port.rx };
	} else {
		tunnel_traffic(link.tunnel, &passed);
	}
	statistics.rx_packets = passed.rx.packets;
	statistics.rx_bytes = passed.rx.bytes;
	statistics.tx_packets = passed.tx.packets;
	statistics.tx_bytes = passed.tx.bytes;
	netlink_put_attribute(writer, IFLA_STATS64, &statistics, sizeof(statistics));
}

/* IFLA_LINKINFO with the kind that `ip -d link` shows. */
static void
put_kind(struct netlink_writer *writer, const char *kind)
{
	size_t nest = netlink_nest_begin(writer, IFLA_LINKINFO);

	netlink_put_text(writer, IFLA_INFO_KIND, kind);
	netlink_nest_end(writer, nest);
}

int
link_write(struct netlink_writer *writer, const struct gateway *gw,
	const struct route_header *header, struct link link)
{
	bool up = link.port != NULL ? gateway_has_link(gw, link.port->index)
				    : tunnel_has_carrier(link.tunnel);
	const struct ifinfomsg body = {
		.ifi_family = AF_UNSPEC,
		.ifi_type = link.port != NULL ? ARPHRD_ETHER : ARPHRD_NONE,
		.ifi_index = (int)ifindex_of(link),
		.ifi_flags = IFF_UP | (up ? IFF_RUNNING | IFF_LOWER_UP : 0u) |
			(link.port != NULL ? IFF_BROADCAST | IFF_MULTICAST
					   : IFF_POINTOPOINT | IFF_NOARP),
	};
	const char *name = link.port != NULL ? link.port->name : link.tunnel->name;
	static const struct rte_ether_addr broadcast = { { 255, 255, 255, 255, 255, 255 } };

	netlink_begin(writer, header->type, header->flags, header->sequence, header->pid);
	netlink_put(writer, &body, sizeof(body));
	netlink_put_text(writer, IFLA_IFNAME, ifindex_name(link));
	netlink_put_u32(writer, IFLA_MTU, mtu_of(gw, link));
	netlink_put_u8(writer, IFLA_OPERSTATE, up ? IF_OPER_UP : IF_OPER_DOWN);
	netlink_put_u8(writer, IFLA_CARRIER, up);
	if (link.port != NULL) {
		netlink_put_attribute(
			writer, IFLA_ADDRESS, &link.port->mac, sizeof(link.port->mac));
		netlink_put_attribute(writer, IFLA_BROADCAST, &broadcast, sizeof(broadcast));
	}
	netlink_put_u32(writer, IFLA_TXQLEN, 0); /* without it `ip` asks the kernel */
	if (strcmp(name, ifindex_name(link)) != 0)
		netlink_put_text(writer, IFLA_IFALIAS, name);
	put_statistics(writer, gw, link);
	put_kind(writer, link.port != NULL ? "espalier_port" : "espalier_tunnel");
	return netlink_commit(writer);
}

static int
append_link(struct session *session, struct dump *dump, struct netlink_writer *writer)
{
	const struct gateway *gw = session->context->gw;
	struct route_header header = route_row_header(dump, RTM_NEWLINK);
	struct link link;

	if (!ifindex_at(gw, dump->cursor++, &link))
		return 0;
	int error = link_write(writer, gw, &header, link);
	return error == 0 ? 1 : error;
}

int
link_message_get(
	struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	const struct gateway *gw = session->context->gw;
	struct netlink_attribute found[LINK_ATTRIBUTES];
	struct netlink_span body = request->body;
	struct ifinfomsg asked = { 0 };
	struct netlink_writer writer;
	struct link link;

	route_take_asked(&body, &asked, sizeof(asked));
	if (route_is_dump(request))
		return session_dump(session, request, append_link, 0);
	int error = netlink_parse(body, rules, found, LINK_ATTRIBUTES, why);
	if (error < 0)
		return error;
	const char *name = (const char *)found[IFLA_IFNAME].data;
	if (asked.ifi_index != 0) {
		if (!ifindex_find(gw, (uint32_t)asked.ifi_index, &link))
			return netlink_refuse(why, ENODEV,
				"no port and no tunnel has interface index %d", asked.ifi_index);
	} else if (name == NULL) {
		return netlink_refuse(why, EINVAL, "neither an interface index nor a name");
	} else if (!ifindex_find_name(gw, name, &link)) {
		return netlink_refuse(why, ENODEV, "no port and no tunnel is called '%s'", name);
	}
	struct route_header header = route_answer_begin(session, request, RTM_NEWLINK, &writer);
	return route_answer_end(session, &writer, link_write(&writer, gw, &header, link), why);
}

/* --- addresses --- */

static unsigned
addresses_of(struct link link, const struct prefix **addresses)
{
	*addresses = link.port != NULL ? link.port->addresses : link.tunnel->addresses;
	return link.port != NULL ? link.port->n_addresses : link.tunnel->n_addresses;
}

static int
write_address(struct netlink_writer *writer, const struct route_header *header, struct link link,
	struct prefix address)
{
	const struct ifaddrmsg body = {
		.ifa_family = AF_INET,
		.ifa_prefixlen = address.bits,
		.ifa_flags = IFA_F_PERMANENT,
		.ifa_scope = RT_SCOPE_UNIVERSE,
		.ifa_index = ifindex_of(link),
	};
	static const struct ifa_cacheinfo forever = { UINT32_MAX, UINT32_MAX, 0, 0 };
	uint32_t network_order = htonl(address.address);

	netlink_begin(writer, header->type, header->flags, header->sequence, header->pid);
	netlink_put(writer, &body, sizeof(body));
	netlink_put_u32(writer, IFA_ADDRESS, network_order);
	netlink_put_u32(writer, IFA_LOCAL, network_order);
	netlink_put_text(writer, IFA_LABEL, ifindex_name(link));
	netlink_put_u32(writer, IFA_FLAGS, IFA_F_PERMANENT);
	netlink_put_attribute(writer, IFA_CACHEINFO, &forever, sizeof(forever));
	return netlink_commit(writer);
}

/* The cursor: the link's place, and in the low bits the address's. */
#define ADDRESS_BITS 15

enum filter { FILTER_IFINDEX, FILTER_NOT_IPV4 }; /* 0: all */

static int
append_address(struct session *session, struct dump *dump, struct netlink_writer *writer)
{
	const struct gateway *gw = session->context->gw;
	struct route_header header = route_row_header(dump, RTM_NEWADDR);
	uint32_t place = dump->cursor >> ADDRESS_BITS;
	uint32_t at = dump->cursor & ((1u << ADDRESS_BITS) - 1);
	uint32_t ifindex = dump->filter[FILTER_IFINDEX];
	const struct prefix *addresses;
	struct link link;

	if (dump->filter[FILTER_NOT_IPV4] != 0)
		return 0;
	if (ifindex != 0)
		header.flags |= NLM_F_DUMP_FILTERED;
	for (; ifindex_at(gw, place, &link); place++, at = 0) {
		if (ifindex != 0 && ifindex_of(link) != ifindex)
			continue;
		if (at >= addresses_of(link, &addresses))
			continue;
		dump->cursor = (place << ADDRESS_BITS | at) + 1;
		int error = write_address(writer, &header, link, addresses[at]);
		return error == 0 ? 1 : error;
	}
	return 0;
}

int
address_message_get(
	struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	struct netlink_span body = request->body;
	struct ifaddrmsg asked = { 0 };

	route_take_asked(&body, &asked, sizeof(asked));
	if (!route_is_dump(request))
		return netlink_refuse(
			why, EOPNOTSUPP, "addresses are told all at once: ask with NLM_F_DUMP");
	int result = session_dump(session, request, append_address, 0);
	session->dump.filter[FILTER_IFINDEX] = asked.ifa_index;
	session->dump.filter[FILTER_NOT_IPV4] = !route_lists_ipv4(asked.ifa_family);
	return result;
}
