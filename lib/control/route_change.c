/* SPDX-License-Identifier: BSD-3-Clause */

/* RTM_NEWROUTE and RTM_DELROUTE: judged one by one, carried out as a batch. */

#include <errno.h>
#include <string.h>

#include "gateway.h"
#include "route_parts.h"
#include "way.h"

/* --- the routes as they will be after the messages before --- */

/* What a prefix has. */
struct standing {
	bool exists;
	struct route route;
	uint32_t last; /* its next hop, or the one that it had before this datagram took it away:
			  whoever puts it back inherits its buckets */
};

static struct standing
find_route(const struct session_context *context, struct prefix prefix)
{
	const struct route_change *change = route_batch_find(&context->routes, prefix);
	const struct route *there = route_find(context->gw, ROUTE_TABLE_MAIN, prefix);
	struct standing standing = { .last = there == NULL ? NEXTHOP_NONE : there->nexthop };

	if (change == NULL && there != NULL) {
		standing.exists = true;
		standing.route = *there;
	} else if (change != NULL && change->op == ROUTE_SET) {
		standing.exists = true;
		standing.route = change->route;
		standing.last = change->route.nexthop;
	}
	return standing;
}

uint32_t
route_will_match(const struct session_context *context, uint32_t address)
{
	if (context->routes.n == 0) {
		const struct route *route = route_match(context->gw, ROUTE_TABLE_MAIN, address);

		return route == NULL ? NEXTHOP_NONE : route->nexthop;
	}
	for (unsigned bits = 33; bits-- > 0;) {
		struct prefix prefix = { address & prefix_mask((uint8_t)bits), (uint8_t)bits };
		struct standing standing = find_route(context, prefix);

		if (standing.exists)
			return standing.route.nexthop;
	}
	return NEXTHOP_NONE;
}

/* Makes room for a change, reads a message, and looks up what its prefix has. 0, -errno in words,
 * or SESSION_BREAKS. */
static int
look(struct session *session, const struct netlink_message *request, struct route_request *named,
	struct standing *there, struct netlink_refusal *why)
{
	struct session_context *context = session->context;

	if (context->routes.n == ROUTE_BATCH_MAX && route_settle(session) == SESSION_OVER)
		return SESSION_BREAKS;
	int error = owner_check(session, why);
	if (error == 0)
		error = route_read(context, request, named, why);
	if (error == 0)
		*there = find_route(context, named->prefix);
	return error;
}

/* Puts a change behind the others. */
static int
enqueue(struct session *session, const struct route_change *change,
	const struct netlink_message *request)
{
	route_batch_add(&session->context->routes, change, request);
	return SESSION_DEFERS;
}

static int
refuse_own(struct prefix prefix, struct netlink_refusal *why)
{
	char text[ROUTE_TEXT_BYTES];

	return netlink_refuse(why, EPERM,
		"%s is an address of the gateway, from its configuration file",
		route_prefix_text(prefix, text));
}

/* Is it there because the configuration gives that address to a port or tunnel? */
static bool
is_own(const struct gateway *gw, const struct route *route)
{
	const struct nexthop *nexthop = nexthop_read(nexthop_slots(gw->nexthops), route->nexthop);

	return route->claim.owner == OWNER_CONFIGURATION && nexthop->kind == NEXTHOP_LOCAL;
}

/* --- new --- */

/* True: they are the same, and in the same shares. Alone one takes all, whatever its weight. */
static bool
same_ways(const struct gateway *gw, uint32_t nexthop, const struct route_request *wanted)
{
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];
	unsigned n = nexthop_specs(gw, nexthop, ways);
	struct way there[GROUP_MEMBERS_MAX], asked[GROUP_MEMBERS_MAX];
	int n_there = way_canonicalize(gw, ways, n, there);
	int n_asked = way_canonicalize(gw, wanted->ways, wanted->n_ways, asked);

	if (n_there == 1 && n_asked == 1)
		return there[0].what == asked[0].what;
	return n_there == n_asked &&
		memcmp(there, asked, (unsigned)n_there * sizeof(there[0])) == 0;
}

/* Somebody wants a route that is the configuration's: it stays that, and as it is. */
static int
leave_configured(const struct gateway *gw, const struct route *there,
	const struct route_request *wanted, struct netlink_refusal *why)
{
	char text[ROUTE_TEXT_BYTES];

	if (same_ways(gw, there->nexthop, wanted))
		return 0;
	return netlink_refuse(why, EEXIST,
		"the route to %s is the configuration file's, and goes another way",
		route_prefix_text(wanted->prefix, text));
}

/* What the flags make of a prefix that has a route, and of one that has none. */
static int
check_flags(uint16_t flags, bool exists, struct prefix prefix, struct netlink_refusal *why)
{
	char text[ROUTE_TEXT_BYTES];

	if (!exists && (flags & NLM_F_CREATE) == 0)
		return netlink_refuse(why, ENOENT,
			"there is no route to %s, and NLM_F_CREATE is not set",
			route_prefix_text(prefix, text));
	if (exists && (flags & NLM_F_EXCL) != 0)
		return netlink_refuse(
			why, EEXIST, "there is a route to %s", route_prefix_text(prefix, text));
	if (exists && (flags & (NLM_F_REPLACE | NLM_F_APPEND)) == 0)
		return netlink_refuse(why, EEXIST,
			"there is a route to %s; a prefix has one route, so replace or append",
			route_prefix_text(prefix, text));
	return 0;
}

static bool
is_among(const struct nexthop_spec ways[], unsigned n, const struct nexthop_spec *way)
{
	for (unsigned i = 0; i < n; i++)
		if (way_same(&ways[i], way))
			return true;
	return false;
}

/* Adds the ways that a route has to those that are asked for. Of these only the new ones count, so
 * that the others keep their shares. */
static int
append(const struct gateway *gw, const struct route *there, struct route_request *wanted,
	struct netlink_refusal *why)
{
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];
	unsigned n = nexthop_specs(gw, there->nexthop, ways), fresh = 0;

	if (route_type(&ways[0]) != RTN_UNICAST || wanted->type != RTN_UNICAST)
		return netlink_refuse(
			why, EEXIST, "a route that drops or is local is no one of several ways");
	for (unsigned i = 0; i < wanted->n_ways; i++)
		if (!is_among(ways, n, &wanted->ways[i]))
			wanted->ways[fresh++] = wanted->ways[i];
	if (fresh == 0)
		return netlink_refuse(why, EEXIST, "the route goes these ways already");
	if (n + fresh > GROUP_MEMBERS_MAX)
		return netlink_refuse(
			why, EINVAL, "a route has %u ways at most", GROUP_MEMBERS_MAX);
	memcpy(wanted->ways + fresh, ways, n * sizeof(ways[0]));
	wanted->n_ways = (uint16_t)(fresh + n);
	return 0;
}

static int
refuse_nexthop(int error, struct netlink_refusal *why)
{
	if (error == -ENOSPC)
		return netlink_refuse(why, ENOSPC,
			"there is no room for another next hop or its gateway: %u next hops and %u "
			"neighbors are the most",
			NEXTHOPS_MAX, NEIGHBORS_MAX);
	return netlink_refuse(why, -error, "the route's ways: %s", strerror(-error));
}

static int
check_wanted(const struct route_request *wanted, struct netlink_refusal *why)
{
	if (wanted->type == RTN_UNSPEC)
		return netlink_refuse(why, EINVAL, "the route has no type");
	if (wanted->n_ways == 0)
		return netlink_refuse(
			why, ENODEV, "the route has neither a gateway nor an interface");
	return 0;
}

int
route_new(
	struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	struct gateway *gw = session->context->gw;
	struct route_request wanted;
	struct standing there = { 0 };

	int error = look(session, request, &wanted, &there, why);
	if (error == 0)
		error = check_wanted(&wanted, why);
	if (error != 0)
		return error;
	/* For the kernel a route of another priority is another route. A daemon that gives one
	 * (BIRD does) means to replace its own. */
	if (there.exists && there.route.claim.owner == OWNER_CONFIGURATION &&
		(session->owner != OWNER_NOBODY || wanted.priority != 0))
		return leave_configured(gw, &there.route, &wanted, why);
	/* To its owner, what he has not said yet in this round is not there. */
	bool exists = there.exists &&
		!(owner_is_old(session, there.route.claim) && (request->flags & NLM_F_CREATE) != 0);
	error = check_flags(request->flags, exists, wanted.prefix, why);
	if (error == 0 && exists && is_own(gw, &there.route))
		error = refuse_own(wanted.prefix, why);
	if (error == 0 && exists && (request->flags & NLM_F_REPLACE) == 0)
		error = append(gw, &there.route, &wanted, why);
	if (error < 0)
		return error;

	int nexthop = nexthop_acquire(gw, wanted.ways, wanted.n_ways, there.last);
	if (nexthop < 0)
		return refuse_nexthop(nexthop, why);
	struct route_change change = {
		.op = ROUTE_SET,
		.route = { .prefix = wanted.prefix,
			.table = ROUTE_TABLE_MAIN,
			.protocol = wanted.protocol,
			.claim = owner_claim(session),
			.nexthop = (uint32_t)nexthop },
	};
	return enqueue(session, &change, request);
}

/* --- delete --- */

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

/* One way is enough to name a route of several (in the kernel it must be the first; here they have
 * no order). */
static bool
is_named(const struct gateway *gw, uint32_t nexthop, const struct route_request *named)
{
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];
	unsigned n = nexthop_specs(gw, nexthop, ways);

	if (named->n_ways > 1) {
		struct route_request whole = *named;

		find_ports(ways, n, &whole);
		return same_ways(gw, nexthop, &whole);
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
check_named(const struct session *session, const struct standing *there,
	const struct route_request *named, struct netlink_refusal *why)
{
	const struct gateway *gw = session->context->gw;
	const char *what = NULL;
	char text[ROUTE_TEXT_BYTES];

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
	return is_own(gw, &there->route) ? refuse_own(named->prefix, why) : 0;
}

int
route_delete(
	struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	struct route_request named;
	struct standing there;

	int error = look(session, request, &named, &there, why);
	if (error == 0)
		error = check_named(session, &there, &named, why);
	if (error != 0)
		return error;
	struct route_change change = {
		.op = ROUTE_DELETE,
		.route = { .prefix = named.prefix, .table = ROUTE_TABLE_MAIN },
	};
	return enqueue(session, &change, request);
}

/* --- settle --- */

static enum session_verdict
answer(struct session *session, const struct netlink_message *request, int result)
{
	struct netlink_refusal why = { "" };

	if (result == -ENOSPC)
		netlink_refuse(&why, ENOSPC,
			"the routing table is full: see max_routes and max_tbl8 in the "
			"configuration file");
	else if (result < 0)
		netlink_refuse(&why, -result, "the route: %s", strerror(-result));
	return session_ack(session, request, result, &why);
}

enum session_verdict
route_settle(struct session *session)
{
	struct route_batch *batch = &session->context->routes;
	enum session_verdict verdict = SESSION_GOES_ON;

	if (batch->n == 0)
		return SESSION_GOES_ON;
	route_apply(session->context->gw, batch->changes, batch->n);
	for (unsigned i = 0; i < batch->n && verdict == SESSION_GOES_ON; i++)
		verdict = answer(session, &batch->requests[i], batch->changes[i].result);
	route_batch_clear(batch);
	return verdict;
}
