/* SPDX-License-Identifier: BSD-3-Clause */

/* RTM_NEWROUTE, and what it shares with RTM_DELROUTE: judged one by one, carried out as a batch. */

#include <errno.h>
#include <string.h>

#include "gateway.h"
#include "route_parts.h"
#include "way.h"

/* --- the routes as they will be after the messages before --- */

static struct route_standing
find_route(const struct session_context *context, struct prefix prefix)
{
	const struct route_change *change = route_batch_find(&context->routes, prefix);
	const struct route *there = route_find(context->gw, ROUTE_TABLE_MAIN, prefix);
	struct route_standing standing = { .last = there == NULL ? NEXTHOP_NONE : there->nexthop };

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
		struct route_standing standing = find_route(context, prefix);

		if (standing.exists)
			return standing.route.nexthop;
	}
	return NEXTHOP_NONE;
}

int
route_look(struct session *session, const struct netlink_message *request,
	struct route_request *named, struct route_standing *there, struct netlink_refusal *why)
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

int
route_enqueue(struct session *session, const struct route_change *change,
	const struct netlink_message *request)
{
	route_batch_add(&session->context->routes, change, request);
	return SESSION_DEFERS;
}

int
route_refuse_own(struct prefix prefix, struct netlink_refusal *why)
{
	char text[PREFIX_TEXT_BYTES];

	return netlink_refuse(why, EPERM,
		"%s is an address of the gateway, from its configuration file",
		route_prefix_text(prefix, text));
}

bool
route_is_own(const struct gateway *gw, const struct route *route)
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
	char text[PREFIX_TEXT_BYTES];

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
	char text[PREFIX_TEXT_BYTES];

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

int
route_refuse_nexthop(int error, struct netlink_refusal *why)
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
	struct route_standing there = { 0 };

	int error = route_look(session, request, &wanted, &there, why);
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
	if (error == 0 && exists && route_is_own(gw, &there.route))
		error = route_refuse_own(wanted.prefix, why);
	bool appends = exists && (request->flags & NLM_F_REPLACE) == 0;
	if (error == 0 && appends)
		error = append(gw, &there.route, &wanted, why);
	if (error < 0)
		return error;

	int nexthop = nexthop_acquire(gw, wanted.ways, wanted.n_ways, there.last);
	if (nexthop < 0)
		return route_refuse_nexthop(nexthop, why);
	struct route_change change = {
		.op = ROUTE_SET,
		.route = { .prefix = wanted.prefix,
			.table = ROUTE_TABLE_MAIN,
			.protocol = wanted.protocol,
			.appended = appends,
			.claim = owner_claim(session),
			.nexthop = (uint32_t)nexthop },
	};
	return route_enqueue(session, &change, request);
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
