/* SPDX-License-Identifier: BSD-3-Clause */

/* BEGIN and COMMIT: rounds of an owner, and the sweep that ends one. */

#include "compiler.h"
#include "gateway.h"
#include "log.h"
#include "neighbor.h"
#include "protocol.h"
#include "publish.h"
#include "route_parts.h"
#include "tunnel.h"

static const struct netlink_rule rules[] = {
	[ESPALIER_OWNER_NAME] = { "owner name", NETLINK_TEXT, 2, OWNER_NAME_BYTES,
		.required = true },
};

int
route_begin(
	struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	struct netlink_attribute found[ARRAY_LEN(rules)];
	int error = netlink_parse(request->body, rules, found, ARRAY_LEN(rules), why);

	if (error < 0)
		return error;
	return owner_begin(session, (const char *)found[ESPALIER_OWNER_NAME].data, why);
}

/* --- the sweep --- */

#define SLOTS_PER_STEP 65536 /* routes that a step looks at */

/* Carries out what was gathered. It is there, so it can be deleted. */
static unsigned
apply(struct session_context *context)
{
	struct route_batch *batch = &context->routes;
	unsigned n = batch->n;

	if (n > 0)
		route_apply(context->gw, batch->changes, n);
	route_batch_clear(batch);
	return n;
}

/* A batch of old routes goes. True: there may be more. */
static bool
sweep_routes(struct session *session, struct dump *dump, uint32_t *swept)
{
	struct session_context *context = session->context;
	const uint32_t end = dump->cursor + SLOTS_PER_STEP;
	const struct route *route = NULL;

	while (dump->cursor < end && context->routes.n < ROUTE_BATCH_MAX &&
		(route = route_next(context->gw, &dump->cursor)) != NULL) {
		const struct route_change change = {
			.op = ROUTE_DELETE,
			.route = { .prefix = route->prefix, .table = route->table },
		};

		if (owner_is_old(session, route->claim))
			route_batch_add(&context->routes, &change, &dump->request);
	}
	*swept += apply(context);
	return route != NULL;
}

static unsigned
sweep_neighbors(struct session *session)
{
	struct gateway *gw = session->context->gw;
	const struct neighbor *old;
	unsigned swept = 0;

	for (uint32_t cursor = 0; (old = neighbor_next(gw->neighbors, &cursor)) != NULL;) {
		if (!owner_is_old(session, old->claim))
			continue;
		struct neighbor *neighbor = neighbor_get(gw->neighbors, old->port, old->address);
		neighbor_set(neighbor, NULL);
		tunnel_refresh_via(gw, neighbor);
		swept++;
	}
	publish_flush(gw->publisher);
	return swept;
}

/* Kernel interfaces, and with them BFD, are served between the steps. */
static int
sweep(struct session *session, struct dump *dump, struct netlink_refusal *why)
{
	uint32_t *routes = &dump->filter[0];
	int error = owner_check(session, why); /* another may have begun a round */

	if (error < 0)
		return error;
	/* Routes first, for some may lead to the neighbors. */
	if (sweep_routes(session, dump, routes))
		return 1;
	unsigned neighbors = sweep_neighbors(session);
	log_info("owner %s: round committed, routes gone %u, neighbors gone %u; by uid %u, pid %d",
		owner_name(&session->context->owners, owner_claim(session)), *routes, neighbors,
		session->uid, session->pid);
	return 0;
}

int
route_commit(
	struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	int error = owner_end(session, why);

	return error < 0 ? error : session_work(session, request, sweep, why);
}
