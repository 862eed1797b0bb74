/* SPDX-License-Identifier: BSD-3-Clause */
#include "translate.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "sizes.h"

/* Numbers of FRR's daemons that linux/rtnetlink.h does not name, from FRR's own list. */
enum {
	FRR_NHRP = 191,
	FRR_LDP = 193,
	FRR_SHARP = 194,
	FRR_PBR = 195,
	FRR_STATIC = 196,
	FRR_OPENFABRIC = 197,
	FRR_SRTE = 198,
};

bool
translate_is_frr(uint8_t protocol)
{
	switch (protocol) {
	case RTPROT_ZEBRA:
	case RTPROT_BGP:
	case RTPROT_ISIS:
	case RTPROT_OSPF:
	case RTPROT_RIP:
	case RTPROT_EIGRP:
	case FRR_NHRP:
	case FRR_LDP:
	case FRR_SHARP:
	case FRR_PBR:
	case FRR_STATIC:
	case FRR_OPENFABRIC:
	case FRR_SRTE:
		return true;
	default:
		return false;
	}
}

/* --- ways --- */

static int
compare_hops(const void *left, const void *right)
{
	const struct hop *a = left, *b = right;

	if (a->ifindex != b->ifindex)
		return a->ifindex < b->ifindex ? -1 : 1;
	return (a->gateway > b->gateway) - (a->gateway < b->gateway);
}

static uint32_t
common_factor(uint32_t a, uint32_t b)
{
	while (b != 0) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static void
divide_weights(struct espalier_route *route)
{
	uint32_t factor = 0;

	for (unsigned i = 0; i < route->n_hops; i++)
		factor = common_factor(route->hops[i].weight, factor);
	for (unsigned i = 0; i < route->n_hops; i++)
		route->hops[i].weight /= factor;
}

/* Brings weights down to what a message can say, in proportion: each to the nearest, so that equals
 * stay equal; none becomes nothing. */
static void
limit_weights(struct espalier_route *route)
{
	uint64_t largest = WEIGHT_MAX;

	for (unsigned i = 0; i < route->n_hops; i++)
		if (route->hops[i].weight > largest)
			largest = route->hops[i].weight;
	if (largest == WEIGHT_MAX)
		return;
	for (unsigned i = 0; i < route->n_hops; i++) {
		uint32_t *weight = &route->hops[i].weight;

		*weight = (uint32_t)(((uint64_t)*weight * WEIGHT_MAX + largest / 2) / largest);
		if (*weight == 0)
			*weight = 1;
	}
	divide_weights(route);
}

void
translate_normalize(const struct interfaces *interfaces, struct espalier_route *route)
{
	uint8_t kept = 0;

	for (unsigned i = 0; i < route->n_hops; i++) {
		const struct learned_link *link =
			interfaces_find(interfaces, route->hops[i].ifindex);

		/* One peer is at a tunnel's other end, whatever it is called. */
		if (link != NULL && link->point_to_point)
			route->hops[i].gateway = 0;
	}
	qsort(route->hops, route->n_hops, sizeof(route->hops[0]), compare_hops);
	for (unsigned i = 0; i < route->n_hops; i++) {
		if (kept > 0 && compare_hops(&route->hops[kept - 1], &route->hops[i]) == 0)
			route->hops[kept - 1].weight += route->hops[i].weight;
		else
			route->hops[kept++] = route->hops[i];
	}
	route->n_hops = kept;
	divide_weights(route);
	limit_weights(route);
}

bool
translate_same_ways(const struct espalier_route *one, const struct espalier_route *other)
{
	return one->type == other->type && one->n_hops == other->n_hops &&
		memcmp(one->hops, other->hops, one->n_hops * sizeof(one->hops[0])) == 0;
}

bool
translate_same(const struct espalier_route *one, const struct espalier_route *other)
{
	return one->protocol == other->protocol && translate_same_ways(one, other);
}

/* Keeps the ways out of Espalier's interfaces. One that names a gateway alone is left to it. */
static void
keep_carried(const struct interfaces *interfaces, struct espalier_route *route)
{
	uint8_t kept = 0;

	for (unsigned i = 0; i < route->n_hops; i++)
		if (route->hops[i].ifindex == 0 ||
			interfaces_find(interfaces, route->hops[i].ifindex) != NULL)
			route->hops[kept++] = route->hops[i];
	route->n_hops = kept;
}

/* --- a route --- */

static enum rib_verdict
take_ways(const struct translation *translation, const struct rib_route *from,
	struct espalier_route *route)
{
	unsigned n = from->facts.n_hops;
	enum nexthop_verdict verdict = NEXTHOP_WAYS;

	memcpy(route->hops, from->hops, n * sizeof(route->hops[0]));
	if (from->facts.nexthop_id != 0) {
		struct hop hops[LEARNED_HOPS_MAX];
		unsigned n_object;

		verdict = nexthops_resolve(
			translation->nexthops, from->facts.nexthop_id, hops, &n_object);
		if (verdict == NEXTHOP_STRANGE)
			return RIB_STRANGE;
		if (verdict == NEXTHOP_UNKNOWN && n == 0)
			return RIB_UNKNOWN;
		if (verdict == NEXTHOP_WAYS) {
			n = n_object;
			memcpy(route->hops, hops, n * sizeof(hops[0]));
		}
	}
	route->n_hops = verdict == NEXTHOP_BLACKHOLE ? 0 : (uint8_t)n;
	if (verdict == NEXTHOP_BLACKHOLE)
		route->type = RTN_BLACKHOLE;
	return RIB_CARRIED;
}

static enum rib_verdict
translate_unicast(const struct translation *translation, struct prefix prefix,
	const struct rib_route *from, struct espalier_route *route)
{
	enum rib_verdict verdict = take_ways(translation, from, route);

	if (verdict != RIB_CARRIED || route->type == RTN_BLACKHOLE)
		return verdict;
	keep_carried(translation->interfaces, route);
	if (route->n_hops == 0)
		return RIB_FOREIGN;
	if (route->protocol == RTPROT_KERNEL && route->n_hops == 1 &&
		interfaces_connects(translation->interfaces, route->hops[0].ifindex, prefix))
		return RIB_OWN;
	translate_normalize(translation->interfaces, route);
	return RIB_CARRIED;
}

static enum rib_verdict
translate_route(const struct translation *translation, struct prefix prefix,
	const struct rib_route *from, struct espalier_route *route)
{
	bool frr = translate_is_frr(from->facts.protocol);

	if (frr && translation->protocols == PROTOCOLS_BUT_FRR)
		return RIB_DEFERRED;
	if (!frr && translation->protocols == PROTOCOLS_FRR)
		return RIB_DEFERRED;
	if (from->strange || from->facts.tos != 0)
		return RIB_STRANGE;
	route->protocol = from->facts.protocol;
	route->type = from->facts.type;
	route->n_hops = 0;
	switch (from->facts.type) {
	case RTN_UNICAST:
		return translate_unicast(translation, prefix, from, route);
	case RTN_BLACKHOLE:
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
		return RIB_CARRIED;
	default:
		return RIB_STRANGE;
	}
}

enum rib_verdict
translate_entry(const struct translation *translation, const struct rib_entry *entry,
	struct espalier_route *route)
{
	enum rib_verdict first = RIB_NOTHING;

	for (const struct rib_route *from = entry->routes; from != NULL; from = from->next) {
		if (from->gone)
			continue;
		enum rib_verdict verdict = translate_route(translation, entry->prefix, from, route);
		if (verdict == RIB_CARRIED)
			return verdict;
		if (first == RIB_NOTHING)
			first = verdict;
		/* Another source's business, or Espalier's: a worse one must not overrule it. */
		if (verdict == RIB_DEFERRED || verdict == RIB_OWN)
			break;
	}
	return first;
}

/* --- messages --- */

static void
begin(struct netlink_writer *writer, uint16_t type, uint32_t sequence)
{
	uint16_t flags = NLM_F_REQUEST;

	if (type == RTM_NEWROUTE)
		flags |= NLM_F_CREATE | NLM_F_REPLACE;
	netlink_begin(writer, type, flags, sequence, 0);
}

static void
put_header(struct netlink_writer *writer, struct prefix prefix, uint8_t protocol, uint8_t type)
{
	const struct rtmsg header = {
		.rtm_family = AF_INET,
		.rtm_dst_len = prefix.bits,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = protocol,
		.rtm_type = type,
	};

	netlink_put(writer, &header, sizeof(header));
	if (prefix.bits > 0)
		netlink_put_u32(writer, RTA_DST, htonl(prefix.address));
}

static void
put_hops(struct netlink_writer *writer, const struct espalier_route *route)
{
	if (route->n_hops == 1) {
		if (route->hops[0].gateway != 0)
			netlink_put_u32(writer, RTA_GATEWAY, htonl(route->hops[0].gateway));
		if (route->hops[0].ifindex != 0)
			netlink_put_u32(writer, RTA_OIF, route->hops[0].ifindex);
	} else if (route->n_hops > 1) {
		size_t nest = netlink_nest_begin(writer, RTA_MULTIPATH);

		for (unsigned i = 0; i < route->n_hops; i++)
			netlink_put_hop(writer, route->hops[i].ifindex, route->hops[i].weight,
				route->hops[i].gateway);
		netlink_nest_end(writer, nest);
	}
}

int
translate_write_new(struct netlink_writer *writer, uint32_t sequence, struct prefix prefix,
	const struct espalier_route *route)
{
	begin(writer, RTM_NEWROUTE, sequence);
	put_header(writer, prefix, route->protocol, route->type);
	put_hops(writer, route);
	return netlink_commit(writer);
}

int
translate_write_delete(
	struct netlink_writer *writer, uint32_t sequence, struct prefix prefix, uint8_t protocol)
{
	begin(writer, RTM_DELROUTE, sequence);
	put_header(writer, prefix, protocol, RTN_UNSPEC);
	return netlink_commit(writer);
}
