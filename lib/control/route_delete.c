/* SPDX-License-Identifier: BSD-3-Clause */

/* RTM_DELROUTE: what is there must be as it is named. */

#include <errno.h>

#include "gateway.h"
#include "route_parts.h"
#include "way.h"

/* As in the kernel: an interface alone names any gateway behind it. */
static bool
is_that_way(const struct nexthop_spec *there, const struct nexthop_spec *asked)
{
	switch (asked->kind) {
	case NEXTHOP_ONLINK:
		return (there->kind == NEXTHOP_ONLINK || there->kind == NEXTHOP_GATEWAY) &&
			there->port == asked->port;
	case NEXTHOP_GATEWAY:
		return there->kind == NEXTHOP_GATEWAY && there->gateway == asked->gateway &&
			(asked->port == ROUTE_ANY_PORT || there->port == asked->port);
	case NEXTHOP_TUNNEL:
		return there->kind == NEXTHOP_TUNNEL && there->tunnel == asked->tunnel;
	default:
		return there->kind == asked->kind && there->reason == asked->reason;
	}
}

/* Gateways that are named without an interface are behind the one that the route has for them. */
static void
find_ports(const struct nexthop_spec there[], unsigned n, struct route_request *named)
{
	for (unsigned i = 0; i < named->n_ways; i++)
		for (unsigned j = 0; j < n; j++)
			if (named->ways[i].port == ROUTE_ANY_PORT &&
				is_that_way(&there[j], &named->ways[i]))
				named->ways[i].port = there[j].port;
}

/* Whatever their weights: the kernel, too, looks at none when it deletes. */
static bool
same_ways(const struct gateway *gw, const struct nexthop_spec there[], unsigned n,
	const struct route_request *named)
{
	struct way had[GROUP_MEMBERS_MAX], asked[GROUP_MEMBERS_MAX];
	int n_had = way_canonicalize(gw, there, n, had);
	int n_asked = way_canonicalize(gw, named->ways, named->n_ways, asked);

	if (n_had != n_asked)
		return false;
	for (int i = 0; i < n_had; i++)
		if (had[i].what != asked[i].what)
			return false;
	return true;
}

/* One way is enough to name a route of several (in the kernel it must be the first; here they have
 * no order), or one of those that were appended. */
static bool
is_named(const struct gateway *gw, uint32_t nexthop, const struct route_request *named)
{
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];
	unsigned n = nexthop_specs(gw, nexthop, ways);

	if (named->n_ways > 1) {
		struct route_request whole = *named;

		find_ports(ways, n, &whole);
		return same_ways(gw, ways, n, &whole);
	}
	for (unsigned i = 0; i < n; i++)
		if (is_that_way(&ways[i], &named->ways[0]))
			return true;
	return false;
}

/* What tells the route from the one that is named; NULL: nothing does. */
static const char *
difference(const struct gateway *gw, const struct route *there, const struct route_request *named)
{
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];
	bool local = nexthop_specs(gw, there->nexthop, ways) > 0 && ways[0].kind == NEXTHOP_LOCAL;

	if (named->priority != 0 && there->claim.owner == OWNER_CONFIGURATION)
		return "is of another priority";
	if (local != (named->local_table || named->type == RTN_LOCAL))
		return local ? "is local" : "is not local";
	if (named->protocol != RTPROT_UNSPEC && named->protocol != there->protocol)
		return "is of another protocol";
	if (named->type == RTN_UNSPEC && named->n_ways == 0)
		return NULL;
	if (named->type == RTN_UNICAST && route_type(&ways[0]) != RTN_UNICAST)
		return "is one that drops";
	if (named->n_ways > 0 && !is_named(gw, there->nexthop, named))
		return "goes another way";
	return NULL;
}

static int
check_named(const struct session *session, const struct route_standing *there,
	const struct route_request *named, struct netlink_refusal *why)
{
	const struct gateway *gw = session->context->gw;
	const char *what = NULL;
	char text[PREFIX_TEXT_BYTES];

	if (!there->exists)
		return netlink_refuse(why, ESRCH, "there is no route to %s",
			route_prefix_text(named->prefix, text));
	if (owner_is_foreign(session, there->route.claim))
		what = "is not one that this connection's owner has set";
	else
		what = difference(gw, &there->route, named);
	if (what != NULL)
		return netlink_refuse(why, ESRCH, "the route to %s %s",
			route_prefix_text(named->prefix, text), what);
	return route_is_own(gw, &there->route) ? route_refuse_own(named->prefix, why) : 0;
}

/* What was appended is a route of its own in an IPv4 kernel: it goes alone, and the rest is whose
 * it was. */
static int
delete_way(struct session *session, const struct netlink_message *request,
	const struct route_standing *there, const struct nexthop_spec *named,
	struct netlink_refusal *why)
{
	struct gateway *gw = session->context->gw;
	struct route_change change = { .op = ROUTE_SET, .route = there->route };
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];
	unsigned rest = nexthop_specs(gw, there->route.nexthop, ways) - 1, i = 0;

	while (i < rest && !is_that_way(&ways[i], named))
		i++;
	ways[i] = ways[rest];
	int nexthop = nexthop_acquire(gw, ways, rest, there->last);
	if (nexthop < 0)
		return route_refuse_nexthop(nexthop, why);
	change.route.nexthop = (uint32_t)nexthop;
	change.route.appended = rest > 1;
	return route_enqueue(session, &change, request);
}

int
route_delete(
	struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	struct route_request named;
	struct route_standing there;

	int error = route_look(session, request, &named, &there, why);
	if (error == 0)
		error = check_named(session, &there, &named, why);
	if (error != 0)
		return error;
	if (there.route.appended && named.n_ways == 1)
		return delete_way(session, request, &there, &named.ways[0], why);
	struct route_change change = {
		.op = ROUTE_DELETE,
		.route = { .prefix = named.prefix, .table = ROUTE_TABLE_MAIN },
	};
	return route_enqueue(session, &change, request);
}
