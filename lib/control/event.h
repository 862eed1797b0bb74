/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outbox.h"
#include "session.h"

/*
 * Events: what happened, told to every session that joined the group, as netlink's multicast does.
 * Groups are numbered as netlink does (XFRMNLGRP_*, RTNLGRP_*), each family has its own.
 *
 * Nobody is waited for: a session whose client does not read gets events up to a bound, then one
 * NLMSG_OVERRUN, then none until it has taken all that waits. Control only.
 */

#define EVENT_BYTES_MAX 4096 /* of one event: the buffer that daemons read into */
/* An outbox that holds so much takes no more events; the rest of it is for answers. */
#define EVENT_WAITING_BYTES_MAX (OUTBOX_BYTES_MAX / 2)

/* Does anybody listen? Spares making an event that nobody gets. */
bool event_wanted(const struct session_context *context, uint32_t family, uint32_t group);

/* Sends one message, or a few that belong together, as one datagram; the bytes stay the caller's.
 * Also from within a handler: an event then goes out before the answer. Sessions of the read-only
 * socket get it as well, so no event holds keys. */
void event_send(struct session_context *context, uint32_t family, uint32_t group,
	const void *message, size_t bytes);

/* The group is one that the session's family has: 1 .. groups_max. */
void event_join(struct session *session, uint32_t group);
void event_leave(struct session *session, uint32_t group);
/* Before a session goes. */
void event_leave_all(struct session *session);
