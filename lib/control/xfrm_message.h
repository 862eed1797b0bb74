/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "xfrm_internal.h"
#include "xfrm_state.h"

/* SAs as messages to clients, laid out as the kernel does. */

enum xfrm_secrecy {
	XFRM_WITHOUT_KEYS, /* zeroes of the same length stand in their place */
	XFRM_WITH_KEYS,
};

/* How an SA is now: its counters, times and statistics filled in. */
struct xfrm_usersa_info xfrm_message_info(const struct xfrm_state *state);
struct xfrm_lifetime_cur xfrm_message_lifetime(const struct xfrm_state *state);
struct xfrm_usersa_id xfrm_message_id(const struct xfrm_state *state);

/* Begins an answer, or an event, to `request`; NULL: nobody asked. */
void xfrm_message_begin(struct netlink_writer *writer, uint16_t type, uint16_t flags,
	const struct netlink_message *request);
/* The whole body of a NEWSA or UPDSA. */
void xfrm_message_put(
	struct netlink_writer *writer, const struct xfrm_state *state, enum xfrm_secrecy secrecy);

/* Tells group SA of a NEWSA, UPDSA or DELSA. */
void xfrm_message_notify(struct xfrm *xfrm, const struct netlink_message *request, uint16_t type,
	const struct xfrm_state *state);
