/* SPDX-License-Identifier: BSD-3-Clause */

/* RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH: who is behind a port. */

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <linux/neighbour.h>

#include "compiler.h"
#include "gateway.h"
#include "neighbor.h"
#include "publish.h"
#include "route_parts.h"
#include "tunnel.h"

#define STATES_VALID (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE)
#define STATES_GIVEN (NUD_PERMANENT | NUD_NOARP)

static const struct netlink_rule rules[NDA_MAX + 1] = {
	[NDA_DST] = { "destination", NETLINK_BYTES, 4, 4 },
	[NDA_LLADDR] = { "link-layer address", NETLINK_BYTES, RTE_ETHER_ADDR_LEN,
		RTE_ETHER_ADDR_LEN },
	[NDA_CACHEINFO] = { "cache info", NETLINK_BYTES, 0, UINT16_MAX },
	[NDA_PROBES] = { "probes", NETLINK_BYTES, 4, 4 },
	[NDA_IFINDEX] = { "interface", NETLINK_BYTES, 4, 4 },
	[NDA_MASTER] = { "master", NETLINK_BYTES, 4, 4 },
	[NDA_PROTOCOL] = { "protocol", NETLINK_BYTES, 1, 1 },
	[NDA_FLAGS_EXT] = { "extended flags", NETLINK_BYTES, 4, 4 },
};

/* A message, read. */
struct named {
	struct ndmsg header;
	uint8_t port;
	uint32_t address;
	struct netlink_attribute mac; /* absent: not given */
};

static int
read_named(const struct gateway *gw, const struct netlink_message *request, struct named *named,
	struct netlink_refusal *why)
{
	struct netlink_attribute found[ARRAY_LEN(rules)];
	struct netlink_span body = request->body;
	struct link link;

	if (!netlink_take(&body, &named->header, sizeof(named->header)))
		return netlink_refuse(why, EINVAL, "a neighbor's message needs a struct ndmsg");
	if (named->header.ndm_family != AF_INET)
		return netlink_refuse(why, EAFNOSUPPORT,
			"address family %u: this version knows IPv4 neighbors alone",
			named->header.ndm_family);
	if ((named->header.ndm_flags & (NTF_PROXY | NTF_MASTER | NTF_SELF)) != 0)
		return netlink_refuse(why, EOPNOTSUPP, "neighbor flags 0x%x are not supported",
			named->header.ndm_flags);
	int error = netlink_parse(body, rules, found, ARRAY_LEN(rules), why);
	if (error < 0)
		return error;
	if (found[NDA_DST].data == NULL)
		return netlink_refuse(why, EINVAL, "attribute 'destination' is missing");
	if (!ifindex_find(gw, (uint32_t)named->header.ndm_ifindex, &link))
		return netlink_refuse(why, ENODEV, "no port and no tunnel has interface index %d",
			named->header.ndm_ifindex);
	if (link.port == NULL)
		return netlink_refuse(
			why, EINVAL, "%s is a tunnel and has no neighbors", ifindex_name(link));
	named->port = link.port->index;
	named->address = route_address(&found[NDA_DST]);
	named->mac = found[NDA_LLADDR];
	return 0;
}

/* The neighbor, if anybody ever named it. */
static const struct neighbor *
find(const struct gateway *gw, const struct named *named)
{
	return neighbor_lookup(gw->neighbors, named->port, named->address);
}

static bool
is_resolved(const struct neighbor *neighbor)
{
	return neighbor != NULL && neighbor_read(neighbor) != 0;
}

static int
refuse_unknown(const struct gateway *gw, const struct named *named, struct netlink_refusal *why)
{
	char text[ADDRESS_TEXT_BYTES];

	return netlink_refuse(why, ENOENT, "%s has no neighbor %s", gw->ports[named->port].name,
		address_format(named->address, text));
}

/* NUD_NONE where it is only to be resolved: that is the kernel's business, behind the port's
 * interface. */
static uint16_t
wanted_state(const struct named *named)
{
	return (named->header.ndm_flags & NTF_USE) != 0 ? NUD_NONE : named->header.ndm_state;
}

/* The states that `named` asks for are in force, and its MAC is the neighbor's. */
static bool
is_as_named(const struct neighbor *neighbor, const struct named *named)
{
	struct rte_ether_addr mac;

	return neighbor_mac(neighbor, &mac) && named->mac.data != NULL &&
		memcmp(&mac, named->mac.data, sizeof(mac)) == 0 &&
		neighbor->given == ((named->header.ndm_state & STATES_GIVEN) != 0);
}

static int
check_new(const struct session *session, uint16_t flags, const struct named *named,
	struct netlink_refusal *why)
{
	const struct gateway *gw = session->context->gw;
	char text[ADDRESS_TEXT_BYTES];
	const struct neighbor *there = find(gw, named);
	bool exists = is_resolved(there) &&
		!(owner_is_old(session, there->claim) && (flags & NLM_F_CREATE) != 0);
	uint16_t state = wanted_state(named);
	static const struct rte_ether_addr nobody;

	if (!exists && (flags & NLM_F_CREATE) == 0)
		return refuse_unknown(gw, named, why);
	if (exists && ((flags & NLM_F_EXCL) != 0 || (flags & NLM_F_REPLACE) == 0))
		return netlink_refuse(why, EEXIST,
			"%s has a neighbor %s, and it may not be "
			"replaced",
			gw->ports[named->port].name, address_format(named->address, text));
	if ((state & STATES_VALID) == 0)
		return 0;
	if (named->mac.data == NULL)
		return netlink_refuse(why, EINVAL, "attribute 'link-layer address' is missing");
	if ((named->mac.data[0] & 1) != 0 || memcmp(named->mac.data, &nobody, sizeof(nobody)) == 0)
		return netlink_refuse(
			why, EINVAL, "the link-layer address is nobody's or a group's");
	return 0;
}

/* Tunnels that send through it, and whoever listens, hear of it. */
static void
changed(struct gateway *gw, const struct neighbor *neighbor)
{
	tunnel_refresh_via(gw, neighbor);
	publish_flush(gw->publisher);
}

/* A neighbor of the configuration stays that, and as it is, whatever an owner says. */
static bool
is_configured(const struct session *session, const struct neighbor *neighbor)
{
	return session->owner != OWNER_NOBODY && is_resolved(neighbor) &&
		neighbor->claim.owner == OWNER_CONFIGURATION;
}

static int
leave_configured(const struct gateway *gw, const struct named *named, struct netlink_refusal *why)
{
	struct rte_ether_addr mac;
	char text[ADDRESS_TEXT_BYTES];

	neighbor_mac(find(gw, named), &mac);
	if (named->mac.data != NULL && memcmp(&mac, named->mac.data, sizeof(mac)) == 0)
		return 0;
	return netlink_refuse(why, EEXIST,
		"neighbor %s of %s is the configuration file's, and has another address",
		address_format(named->address, text), gw->ports[named->port].name);
}

int
neighbor_message_new(
	struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	struct gateway *gw = session->context->gw;
	struct rte_ether_addr mac;
	struct named named;

	int error = owner_check(session, why);
	if (error == 0)
		error = read_named(gw, request, &named, why);
	if (error == 0 && is_configured(session, find(gw, &named)))
		return leave_configured(gw, &named, why);
	if (error == 0)
		error = check_new(session, request->flags, &named, why);
	if (error < 0)
		return error;
	uint16_t state = wanted_state(&named);
	if ((state & STATES_VALID) == 0) {
		struct neighbor *known = find(gw, &named) == NULL
			? NULL
			: neighbor_get(gw->neighbors, named.port, named.address);
		if (known != NULL && (state & (NUD_FAILED | NUD_INCOMPLETE)) != 0 &&
			is_resolved(known)) {
			neighbor_set(known, NULL);
			changed(gw, known);
		}
		return 0;
	}
	struct neighbor *neighbor = neighbor_get(gw->neighbors, named.port, named.address);
	if (neighbor == NULL)
		return netlink_refuse(why, ENOSPC, "there are %u neighbors, the most there can be",
			NEIGHBORS_MAX);
	bool news = !is_as_named(neighbor, &named);
	memcpy(mac.addr_bytes, named.mac.data, sizeof(mac.addr_bytes));
	neighbor_set(neighbor, &mac);
	neighbor->claim = owner_claim(session);
	/* What somebody learned may be unlearned. */
	neighbor->given = (state & STATES_GIVEN) != 0;
	if (news)
		changed(gw, neighbor);
	return 0;
}

int
neighbor_message_delete(
	struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	struct gateway *gw = session->context->gw;
	struct named named;

	int error = owner_check(session, why);
	if (error == 0)
		error = read_named(gw, request, &named, why);
	if (error < 0)
		return error;
	const struct neighbor *there = find(gw, &named);
	if (!is_resolved(there) || owner_is_foreign(session, there->claim))
		return refuse_unknown(gw, &named, why);
	struct neighbor *neighbor = neighbor_get(gw->neighbors, named.port, named.address);
	neighbor_set(neighbor, NULL);
	changed(gw, neighbor);
	return 0;
}

/* --- looking --- */

int
neighbor_write(struct netlink_writer *writer, const struct gateway *gw,
	const struct route_header *header, const struct neighbor *neighbor)
{
	struct rte_ether_addr mac;
	bool resolved = neighbor_mac(neighbor, &mac);
	struct ndmsg body = {
		.ndm_family = AF_INET,
		.ndm_ifindex = (int)ifindex_of_port(&gw->ports[neighbor->port]),
		.ndm_state = NUD_INCOMPLETE,
		.ndm_type = RTN_UNICAST,
	};

	if (resolved)
		body.ndm_state = neighbor->given ? NUD_PERMANENT : NUD_REACHABLE;
	else if (header->type == RTM_DELNEIGH)
		body.ndm_state = NUD_FAILED;
	netlink_begin(writer, header->type, header->flags, header->sequence, header->pid);
	netlink_put(writer, &body, sizeof(body));
	netlink_put_u32(writer, NDA_DST, htonl(neighbor->address));
	if (resolved)
		netlink_put_attribute(writer, NDA_LLADDR, &mac, sizeof(mac));
	return netlink_commit(writer);
}

enum filter { FILTER_IFINDEX, FILTER_NONE }; /* 0: all */

static int
append_neighbor(struct session *session, struct dump *dump, struct netlink_writer *writer)
{
	const struct gateway *gw = session->context->gw;
	struct route_header header = route_row_header(dump, RTM_NEWNEIGH);
	uint32_t ifindex = dump->filter[FILTER_IFINDEX];
	const struct neighbor *neighbor;

	if (dump->filter[FILTER_NONE] != 0)
		return 0;
	if (ifindex != 0)
		header.flags |= NLM_F_DUMP_FILTERED;
	while ((neighbor = neighbor_next(gw->neighbors, &dump->cursor)) != NULL) {
		if (!is_resolved(neighbor) ||
			(ifindex != 0 && ifindex_of_port(&gw->ports[neighbor->port]) != ifindex))
			continue;
		int error = neighbor_write(writer, gw, &header, neighbor);
		return error == 0 ? 1 : error;
	}
	return 0;
}

static int
dump_neighbors(
	struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	struct netlink_attribute found[ARRAY_LEN(rules)];
	struct netlink_span body = request->body;
	struct ndmsg header = { 0 };

	route_take_asked(&body, &header, sizeof(header));
	if (header.ndm_family != AF_INET && header.ndm_family != AF_UNSPEC)
		return session_dump(session, request, route_append_nothing, 0);
	int error = netlink_parse(body, rules, found, ARRAY_LEN(rules), why);
	if (error < 0)
		return error;
	int result = session_dump(session, request, append_neighbor, 0);
	session->dump.filter[FILTER_IFINDEX] = found[NDA_IFINDEX].data != NULL
		? netlink_u32(&found[NDA_IFINDEX])
		: (uint32_t)header.ndm_ifindex;
	session->dump.filter[FILTER_NONE] = (header.ndm_flags & NTF_PROXY) != 0;
	return result;
}

int
neighbor_message_get(
	struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	const struct gateway *gw = session->context->gw;
	struct netlink_writer writer;
	struct named named;

	if (route_is_dump(request))
		return dump_neighbors(session, request, why);
	int error = read_named(gw, request, &named, why);
	if (error < 0)
		return error;
	const struct neighbor *neighbor = find(gw, &named);
	if (!is_resolved(neighbor))
		return refuse_unknown(gw, &named, why);
	struct route_header header = route_answer_begin(session, request, RTM_NEWNEIGH, &writer);
	return route_answer_end(
		session, &writer, neighbor_write(&writer, gw, &header, neighbor), why);
}
