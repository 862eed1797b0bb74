/* SPDX-License-Identifier: BSD-3-Clause */
#include "learned.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include "compiler.h"

/* Sorts attributes by type; the last of equal ones counts, as in the kernel. False: lengths cannot
 * be believed. */
static bool
sort(struct netlink_span attributes, struct netlink_attribute found[], unsigned n)
{
	struct netlink_attribute attribute;
	struct netlink_refusal ignored;
	int got;

	memset(found, 0, n * sizeof(found[0]));
	while ((got = netlink_next_attribute(&attributes, &attribute, &ignored)) > 0)
		if (attribute.type < n)
			found[attribute.type] = attribute;
	return got == 0;
}

/* False: it is there, and no IPv4 address. */
static bool
read_address(const struct netlink_attribute *attribute, uint32_t *address)
{
	*address = ntohl(netlink_u32(attribute));
	return attribute->data == NULL || attribute->bytes == sizeof(*address);
}

static bool
is_strange(const struct netlink_attribute found[])
{
	return found[RTA_VIA].data != NULL || found[RTA_ENCAP].data != NULL;
}

/* --- routes --- */

#define ROUTE_ATTRIBUTES (RTA_NH_ID + 1)

/* One struct rtnexthop and what belongs to it. */
static bool
read_hop(struct netlink_span *hops, struct learned_route *route)
{
	struct netlink_attribute found[ROUTE_ATTRIBUTES];
	struct netlink_span peek = *hops, part;
	struct rtnexthop header;
	struct hop hop;

	if (!netlink_take(&peek, &header, sizeof(header)) || header.rtnh_len < sizeof(header) ||
		!netlink_split(hops, header.rtnh_len, &part))
		return false;
	netlink_take(&part, &header, sizeof(header));
	if (!sort(part, found, ROUTE_ATTRIBUTES) ||
		!read_address(&found[RTA_GATEWAY], &hop.gateway))
		return false;
	if (is_strange(found))
		route->strange = true;
	/* Its interface is down. A link that is down is Espalier's to judge. */
	if ((header.rtnh_flags & RTNH_F_DEAD) != 0)
		return true;
	if (route->facts.n_hops == LEARNED_HOPS_MAX)
		return false;
	hop.ifindex = (uint32_t)header.rtnh_ifindex;
	hop.weight = header.rtnh_hops + 1u;
	route->hops[route->facts.n_hops++] = hop;
	return true;
}

static bool
read_hops(const struct netlink_attribute found[], const struct rtmsg *header,
	struct learned_route *route)
{
	struct netlink_span hops = { found[RTA_MULTIPATH].data, found[RTA_MULTIPATH].bytes };
	struct hop only = { .ifindex = netlink_u32(&found[RTA_OIF]), .weight = 1 };

	while (hops.bytes > 0)
		if (!read_hop(&hops, route))
			return false;
	if (found[RTA_MULTIPATH].data != NULL)
		return true;
	if (!read_address(&found[RTA_GATEWAY], &only.gateway))
		return false;
	if ((only.ifindex != 0 || only.gateway != 0) && (header->rtm_flags & RTNH_F_DEAD) == 0)
		route->hops[route->facts.n_hops++] = only;
	return true;
}

bool
learned_read_route(const struct netlink_message *message, struct learned_route *route)
{
	struct netlink_attribute found[ROUTE_ATTRIBUTES];
	struct netlink_span body = message->body;
	struct rtmsg header;
	uint32_t address;

	if (!netlink_take(&body, &header, sizeof(header)) || header.rtm_family != AF_INET ||
		header.rtm_dst_len > 32 || header.rtm_src_len != 0 ||
		!sort(body, found, ROUTE_ATTRIBUTES) || !read_address(&found[RTA_DST], &address))
		return false;
	route->prefix.bits = header.rtm_dst_len;
	route->prefix.address = address & prefix_mask(header.rtm_dst_len);
	route->table =
		found[RTA_TABLE].data != NULL ? netlink_u32(&found[RTA_TABLE]) : header.rtm_table;
	route->strange = is_strange(found);
	route->cached = (header.rtm_flags & RTM_F_CLONED) != 0;
	route->facts = (struct route_facts) {
		.metric = netlink_u32(&found[RTA_PRIORITY]),
		.nexthop_id = netlink_u32(&found[RTA_NH_ID]),
		.tos = header.rtm_tos,
		.protocol = header.rtm_protocol,
		.type = header.rtm_type,
	};
	return read_hops(found, &header, route);
}

/* --- nexthop objects --- */

#define NEXTHOP_ATTRIBUTES (NHA_ENCAP + 1)

/* struct nexthop_grp; older headers lack the upper half of the weight, and older kernels leave it
 * zero. */
struct group_member {
	uint32_t id;
	uint8_t weight, weight_high;
	uint16_t reserved;
};

static_assert(sizeof(struct group_member) == sizeof(struct nexthop_grp), "as the kernel has it");

static bool
read_members(const struct netlink_attribute *group, struct learned_nexthop *nexthop)
{
	struct netlink_span members = { group->data, group->bytes };
	struct group_member member;

	nexthop->group = true;
	while (netlink_take(&members, &member, sizeof(member))) {
		if (nexthop->n_hops == LEARNED_HOPS_MAX)
			return false;
		nexthop->hops[nexthop->n_hops++] = (struct hop) {
			.ifindex = member.id,
			.weight = ((uint32_t)member.weight_high << 8 | member.weight) + 1,
		};
	}
	return members.bytes == 0;
}

bool
learned_read_nexthop(const struct netlink_message *message, struct learned_nexthop *nexthop)
{
	struct netlink_attribute found[NEXTHOP_ATTRIBUTES];
	struct netlink_span body = message->body;
	struct nhmsg header;

	if (!netlink_take(&body, &header, sizeof(header)) || !sort(body, found, NEXTHOP_ATTRIBUTES))
		return false;
	nexthop->id = netlink_u32(&found[NHA_ID]);
	nexthop->n_hops = 0;
	nexthop->group = false;
	nexthop->blackhole = found[NHA_BLACKHOLE].data != NULL;
	/* Objects of IPv6 share the numbers; routes of ours that name one cannot be carried. */
	nexthop->strange = found[NHA_ENCAP].data != NULL || header.nh_family == AF_INET6;
	if (nexthop->id == 0)
		return false;
	if (found[NHA_GROUP].data != NULL)
		return read_members(&found[NHA_GROUP], nexthop);
	nexthop->hops[0] = (struct hop) { .ifindex = netlink_u32(&found[NHA_OIF]), .weight = 1 };
	if (!nexthop->strange && !read_address(&found[NHA_GATEWAY], &nexthop->hops[0].gateway))
		return false;
	nexthop->n_hops = (header.nh_flags & RTNH_F_DEAD) == 0;
	return true;
}

/* --- links and addresses --- */

bool
learned_read_link(const struct netlink_message *message, struct learned_link *link)
{
	struct netlink_span body = message->body;
	struct ifinfomsg header;

	if (!netlink_take(&body, &header, sizeof(header)) || header.ifi_index <= 0)
		return false;
	*link = (struct learned_link) {
		.ifindex = (uint32_t)header.ifi_index,
		.point_to_point = (header.ifi_flags & IFF_POINTOPOINT) != 0,
		.up_changed = (header.ifi_change & IFF_UP) != 0,
	};
	return true;
}

bool
learned_read_address(const struct netlink_message *message, struct learned_address *address)
{
	struct netlink_attribute found[IFA_LOCAL + 1];
	struct netlink_span body = message->body;
	struct ifaddrmsg header;

	if (!netlink_take(&body, &header, sizeof(header)) || header.ifa_family != AF_INET ||
		header.ifa_prefixlen > 32 || !sort(body, found, ARRAY_LEN(found)) ||
		!read_address(&found[IFA_LOCAL], &address->prefix.address))
		return false;
	address->ifindex = header.ifa_index;
	address->prefix.bits = header.ifa_prefixlen;
	return true;
}
