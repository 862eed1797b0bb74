/* SPDX-License-Identifier: BSD-3-Clause */
#include "event.h"

#include <assert.h>

#include <linux/netlink.h>

#include "netlink.h"

static uint64_t
bit_of(uint32_t group)
{
	assert(group >= 1 && group <= SESSION_GROUPS_MAX);
	return UINT64_C(1) << (group - 1);
}

static bool
listens(const struct session *session, uint32_t family, uint32_t group)
{
	return session->family->id == family && (session->groups & bit_of(group)) != 0;
}

bool
event_wanted(const struct session_context *context, uint32_t family, uint32_t group)
{
	for (const struct session *session = context->listening; session != NULL;
		session = session->next_listening)
		if (listens(session, family, group))
			return true;
	return false;
}

/* Tells the client that it misses events. There is room: an outbox is larger than what events may
 * fill. */
static void
overrun(struct session *session)
{
	uint32_t buffer[8];
	struct netlink_writer writer;

	netlink_writer_init(&writer, buffer, sizeof(buffer));
	netlink_begin(&writer, NLMSG_OVERRUN, 0, 0, 0);
	session->overrun = netlink_commit(&writer) == 0 &&
		outbox_put(session->outbox, buffer, writer.used) == 0;
}

static void
deliver(struct session *session, const void *message, size_t bytes)
{
	struct outbox *outbox = session->outbox;
	bool idle = outbox_empty(outbox);

	if (idle)
		session->overrun = false;
	if (session->overrun)
		return;
	if (outbox->bytes + bytes > EVENT_WAITING_BYTES_MAX ||
		outbox_put(outbox, message, bytes) < 0)
		overrun(session);
	if (idle && session->stir != NULL)
		session->stir(session);
}

void
event_send(struct session_context *context, uint32_t family, uint32_t group, const void *message,
	size_t bytes)
{
	assert(bytes <= EVENT_BYTES_MAX);
	for (struct session *session = context->listening; session != NULL;
		session = session->next_listening)
		if (listens(session, family, group))
			deliver(session, message, bytes);
}

static void
unlist(struct session *session)
{
	struct session **at = &session->context->listening;

	while (*at != session)
		at = &(*at)->next_listening;
	*at = session->next_listening;
}

void
event_join(struct session *session, uint32_t group)
{
	if (session->groups == 0) {
		session->next_listening = session->context->listening;
		session->context->listening = session;
	}
	session->groups |= bit_of(group);
}

void
event_leave(struct session *session, uint32_t group)
{
	if (session->groups == bit_of(group))
		unlist(session);
	session->groups &= ~bit_of(group);
}

void
event_leave_all(struct session *session)
{
	if (session->groups != 0)
		unlist(session);
	session->groups = 0;
}
