/* SPDX-License-Identifier: BSD-3-Clause */
#include "owner.h"

#include <errno.h>
#include <string.h>

#include "gateway.h"
#include "log.h"
#include "neighbor.h"
#include "route.h"
#include "session.h"

/* As `show` calls those of the configuration file. */
static const char configuration[] = "configuration";

/* NULL: the session speaks for nobody. */
static struct owner *
owner_of(const struct session *session)
{
	if (session->owner == OWNER_NOBODY)
		return NULL;
	return &session->context->owners.list[session->owner - OWNER_FIRST];
}

static int
check_name(const char *name, struct netlink_refusal *why)
{
	size_t bytes = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	if (bytes == 0 || name[bytes] != '\0')
		return netlink_refuse(why, EINVAL,
			"an owner's name is made of a to z, 0 to 9 and '-', up to %u of them",
			OWNER_NAME_BYTES - 1);
	if (strcmp(name, configuration) == 0)
		return netlink_refuse(why, EINVAL, "'%s' is no name for an owner", name);
	return 0;
}

static void
mark(bool has[OWNERS_MAX], struct claim claim)
{
	if (claim.owner >= OWNER_FIRST)
		has[claim.owner - OWNER_FIRST] = true;
}

/* One who has nothing and whom nobody remembers; NULL: none. Looks at all there is. */
static struct owner *
find_gone(struct session_context *context)
{
	bool has[OWNERS_MAX] = { false };
	const struct neighbor *neighbor;
	const struct route *route;

	for (uint32_t cursor = 0; (route = route_next(context->gw, &cursor)) != NULL;)
		mark(has, route->claim);
	for (uint32_t cursor = 0;
		(neighbor = neighbor_next(context->gw->neighbors, &cursor)) != NULL;)
		mark(has, neighbor->claim);
	for (unsigned i = 0; i < OWNERS_MAX; i++)
		if (!has[i] && context->owners.list[i].sessions == 0)
			return &context->owners.list[i];
	return NULL;
}

/* Makes the owner if there is none of that name; NULL: no room. */
static struct owner *
get(struct session_context *context, const char *name)
{
	struct owners *owners = &context->owners;

	for (unsigned i = 0; i < owners->n; i++)
		if (strcmp(owners->list[i].name, name) == 0)
			return &owners->list[i];
	struct owner *owner =
		owners->n < OWNERS_MAX ? &owners->list[owners->n++] : find_gone(context);
	if (owner != NULL)
		*owner = (struct owner) { 0 };
	if (owner != NULL)
		strcpy(owner->name, name);
	return owner;
}

int
owner_begin(struct session *session, const char *name, struct netlink_refusal *why)
{
	struct owners *owners = &session->context->owners;
	int error = check_name(name, why);

	if (error < 0)
		return error;
	struct owner *owner = get(session->context, name);
	if (owner == NULL)
		return netlink_refuse(why, ENOSPC,
			"there are %u owners with routes, neighbors or a connection, and no room "
			"for '%s'",
			OWNERS_MAX, name);
	if (owner != owner_of(session)) {
		owner_leave(session);
		owner->sessions++;
	}
	if (owner->speaker != NULL && owner->speaker != session)
		log_info(
			"owner %s: taken over by uid %u, pid %d", name, session->uid, session->pid);
	session->owner = (uint8_t)(owner - owners->list + OWNER_FIRST);
	owner->speaker = session;
	owner->round++;
	owner->open = true;
	return 0;
}

int
owner_end(struct session *session, struct netlink_refusal *why)
{
	struct owner *owner = owner_of(session);
	int error = owner_check(session, why);

	if (error < 0)
		return error;
	if (owner == NULL || !owner->open)
		return netlink_refuse(why, EINVAL,
			"COMMIT without BEGIN: no round of an owner has begun on this connection");
	owner->open = false;
	return 0;
}

void
owner_leave(struct session *session)
{
	struct owner *owner = owner_of(session);

	if (owner == NULL)
		return;
	if (owner->speaker == session) {
		owner->speaker = NULL;
		owner->open = false;
	}
	owner->sessions--;
	session->owner = OWNER_NOBODY;
}

int
owner_check(const struct session *session, struct netlink_refusal *why)
{
	const struct owner *owner = owner_of(session);

	if (owner == NULL || owner->speaker == session)
		return 0;
	return netlink_refuse(
		why, ESTALE, "another connection speaks for owner '%s' by now", owner->name);
}

struct claim
owner_claim(const struct session *session)
{
	const struct owner *owner = owner_of(session);

	if (owner == NULL)
		return (struct claim) { .owner = OWNER_NOBODY };
	return (struct claim) { .round = owner->round, .owner = session->owner };
}

bool
owner_is_old(const struct session *session, struct claim claim)
{
	const struct owner *owner = owner_of(session);

	return owner != NULL && claim.owner == session->owner && claim.round != owner->round;
}

bool
owner_is_foreign(const struct session *session, struct claim claim)
{
	return session->owner != OWNER_NOBODY && claim.owner != session->owner;
}

const char *
owner_name(const struct owners *owners, struct claim claim)
{
	switch (claim.owner) {
	case OWNER_NOBODY:
		return NULL;
	case OWNER_CONFIGURATION:
		return configuration;
	default:
		return owners->list[claim.owner - OWNER_FIRST].name;
	}
}
