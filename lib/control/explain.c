/* SPDX-License-Identifier: BSD-3-Clause */
#include "explain.h"

#include <netinet/in.h>

#include "branch.h"
#include "drops.h"
#include "ecmp.h"
#include "flow_hash.h"
#include "gateway.h"
#include "neighbor.h"
#include "nexthop.h"
#include "render.h"
#include "route.h"
#include "sa.h"
#include "selector.h"
#include "tunnel.h"

/* How far the packet came. */
struct path {
	const struct route *route; /* NULL: none */
	uint32_t leaf;             /* next hop id */
	uint16_t weight;
	int bucket; /* -1: no group */
	const struct tunnel *tunnel;
	const struct sa *sa; /* NULL: not through a tunnel, or not so far */
	enum drop_reason drop;
	bool waits; /* not dropped yet: its tunnel asks for an SA, see hold.h */
};

/* Picks the way out of a group, as workers do. */
static const struct nexthop *
choose(const struct gateway *gw, const struct explain_flow *flow, struct path *path)
{
	const struct nexthop_slots *slots = nexthop_slots(gw->nexthops);
	uint64_t id;

	/* What the workers' table says, not what the list of routes says it should. */
	route_lookup(gw->routes, &flow->to, &id, 1);
	path->leaf = (uint32_t)id;
	path->weight = 1;
	const struct nexthop *nexthop = nexthop_read(slots, path->leaf);
	if (nexthop->kind != NEXTHOP_GROUP)
		return nexthop;
	uint32_t ports =
		flow_has_ports(flow->protocol) ? (uint32_t)flow->sport << 16 | flow->dport : 0;
	uint32_t hash = flow_hash(gw->hash_seed, flow->from, flow->to, flow->protocol, ports);
	uint32_t bucket = ecmp_bucket(hash);
	const struct ecmp_table *group = nexthop->group;

	path->bucket = (int)bucket;
	path->leaf = nexthop_leaf_id(nexthop, bucket);
	path->weight = group->members[group->active[bucket]].weight;
	return nexthop_read(slots, path->leaf);
}

static enum drop_reason
judge_port(const struct gateway *gw, const struct nexthop *nexthop, uint32_t to)
{
	const struct neighbor *neighbor = nexthop->kind == NEXTHOP_ONLINK
		? neighbor_lookup(gw->neighbors, nexthop->port, to)
		: nexthop->neighbor;

	if (neighbor == NULL || neighbor_read(neighbor) == 0)
		return DROP_no_neighbor;
	return gateway_has_link(gw, nexthop->port) ? DROP_NONE : DROP_tx_full;
}

/* As flow_outbound() makes it of a packet. */
static struct packet_flow
packet_of(const struct explain_flow *flow)
{
	struct packet_flow packet = { flow->from, flow->to, flow->sport, flow->dport,
		flow->protocol };

	if (!flow_has_ports(flow->protocol) && flow->protocol != IPPROTO_ICMP)
		packet.local_port = packet.remote_port = 0;
	return packet;
}

static enum drop_reason
judge_tunnel(const struct gateway *gw, const struct encap *encap, const struct explain_flow *flow)
{
	const struct sa *sa = encap->sa;
	const struct packet_flow packet = packet_of(flow);

	if ((encap->drop == DROP_NONE || encap->hold) &&
		!selector_match_flow(encap->selectors, &packet))
		return DROP_policy_out;
	if (encap->drop != DROP_NONE)
		return encap->drop;
	if (atomic_load(&sa->expired) || atomic_load(&sa->bytes_out) >= sa->limit_bytes)
		return DROP_sa_expired;
	if (atomic_load(&sa->sequence) >= sa->limit_sequence)
		return sa->limit_reason;
	return gateway_has_link(gw, encap->port) ? DROP_NONE : DROP_tx_full;
}

static const struct encap *
choose_encap(const struct gateway *gw, uint16_t tunnel, const struct explain_flow *flow)
{
	const struct packet_flow packet = packet_of(flow);

	return branch_encap(gateway_encap(gw, tunnel), &packet);
}

static void
follow(const struct gateway *gw, const struct explain_flow *flow, struct path *path)
{
	if (!address_may_cross(flow->from) || !address_may_cross(flow->to)) {
		path->drop = DROP_martian;
		return;
	}
	path->route = route_match(gw, ROUTE_TABLE_MAIN, flow->to);
	if (path->route == NULL) {
		path->drop = DROP_no_route;
		return;
	}
	const struct nexthop *nexthop = choose(gw, flow, path);
	switch ((enum nexthop_kind)nexthop->kind) {
	case NEXTHOP_TUNNEL: {
		const struct encap *encap = choose_encap(gw, nexthop->tunnel, flow);

		path->tunnel = &gw->tunnels[nexthop->tunnel];
		path->drop = judge_tunnel(gw, encap, flow);
		path->waits = encap->hold && path->drop == encap->drop;
		path->sa = path->drop == DROP_NONE ? encap->sa : NULL;
		break;
	}
	case NEXTHOP_ONLINK:
	case NEXTHOP_GATEWAY:
		path->drop = judge_port(gw, nexthop, flow->to);
		break;
	case NEXTHOP_DROP:
		path->drop = (enum drop_reason)nexthop->reason;
		break;
	case NEXTHOP_LOCAL:
	case NEXTHOP_GROUP: /* a leaf is none */
		break;
	}
}

/* Where a tunnel's outer packets leave. */
static json_t *
render_outside(const struct gateway *gw, const struct neighbor *via)
{
	return json_pack("{s:o, s:o}", "port", render_text(gw->ports[via->port].name), "neighbor",
		render_address(via->address));
}

/* What a tunnel says of itself is more than its reason does. */
static json_t *
describe_drop(const struct gateway *gw, const struct path *path)
{
	char why[TUNNEL_WHY_BYTES];

	if (path->tunnel != NULL && path->drop != DROP_policy_out &&
		!tunnel_carries(path->tunnel) && tunnel_why(gw, path->tunnel, why))
		return json_sprintf(
			"the tunnel is %s: %s", tunnel_state_name(path->tunnel->state), why);
	return json_string(drop_description(path->drop));
}

json_t *
explain_flow(const struct gateway *gw, const struct explain_flow *flow)
{
	struct nexthop_spec specs[GROUP_MEMBERS_MAX];
	struct path path = { .bucket = -1, .drop = DROP_NONE };
	json_t *way = NULL;

	follow(gw, flow, &path);
	if (path.route != NULL && nexthop_specs(gw, path.leaf, specs) > 0) {
		specs[0].weight = path.weight;
		way = render_nexthop(gw, &specs[0]);
	}
	json_t *answer = json_object();
	render_set(&answer, "route",
		path.route == NULL ? json_null() : render_prefix(path.route->prefix));
	render_set(&answer, "nexthop", way == NULL ? json_null() : way);
	render_set(&answer, "bucket", path.bucket < 0 ? json_null() : json_integer(path.bucket));
	render_set(&answer, "tunnel", render_text(path.tunnel == NULL ? NULL : path.tunnel->name));
	render_set(&answer, "spi", path.sa == NULL ? json_null() : render_spi(path.sa->spi));
	if (path.tunnel != NULL && path.tunnel->via != NULL)
		render_set(&answer, "outside", render_outside(gw, path.tunnel->via));
	if (path.waits) {
		render_set(&answer, "waits", json_true());
	} else if (path.drop != DROP_NONE) {
		render_set(&answer, "drop", json_string(drop_name(path.drop)));
		render_set(&answer, "description", describe_drop(gw, &path));
	}
	return answer;
}
