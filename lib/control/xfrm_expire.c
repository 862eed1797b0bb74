/* SPDX-License-Identifier: BSD-3-Clause */
#include "xfrm_expire.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "event.h"
#include "key_memory.h"
#include "protocol.h"
#include "xfrm.h"
#include "xfrm_internal.h"
#include "xfrm_message.h"
#include "xfrm_policy.h"
#include "xfrm_sa.h"

#define RESERVED_NS (RESERVED_SECONDS * SECOND_NS)

static void
notify(struct xfrm *xfrm, const struct netlink_message *request, const struct xfrm_state *state,
	enum sa_expiry how)
{
	struct xfrm_user_expire expire;

	if (!event_wanted(xfrm->context, ESPALIER_FAMILY_XFRM, XFRMNLGRP_EXPIRE))
		return;
	memset(&expire, 0, sizeof(expire)); /* its padding is sent as well */
	expire.state = xfrm_message_info(state);
	expire.hard = how == SA_EXPIRES_HARD;
	struct netlink_writer writer = xfrm_writer(xfrm);
	xfrm_message_begin(&writer, XFRM_MSG_EXPIRE, 0, request);
	netlink_put(&writer, &expire, sizeof(expire));
	if (state->if_id != 0)
		netlink_put_u32(&writer, XFRMA_IF_ID, state->if_id);
	xfrm_event(xfrm, XFRMNLGRP_EXPIRE, &writer);
}

void
xfrm_expired(void *context, struct sa *sa, enum sa_expiry how)
{
	const struct session_context *shared = context;
	struct xfrm *xfrm = shared->xfrm;
	struct xfrm_state *state = sa->record->origin;

	if (state == NULL)
		return;
	notify(xfrm, NULL, state, how);
	/* One from the configuration stays, for its operator to see. */
	if (how == SA_EXPIRES_HARD && !state->manual)
		xfrm_sa_remove(xfrm, state);
}

void
xfrm_tick(struct xfrm *xfrm, uint64_t now_ns)
{
	struct xfrm_state *state;

	while (now_ns > RESERVED_NS &&
		(state = xfrm_state_stale(xfrm->states, now_ns - RESERVED_NS)) != NULL) {
		notify(xfrm, NULL, state, SA_EXPIRES_HARD);
		xfrm_sa_remove(xfrm, state);
	}
	key_memory_forget(xfrm->keys, now_ns);
	xfrm_policy_tick(xfrm, (uint64_t)time(NULL));
}

XFRM_HANDLER(xfrm_sa_expire)
{
	struct xfrm *xfrm = session->context->xfrm;
	struct netlink_attribute found[XFRM_ATTRIBUTES];
	struct netlink_span body = request->body;
	struct xfrm_user_expire expire = { 0 };

	netlink_take(&body, &expire, sizeof(expire));
	int error = xfrm_parse(body, found, why);
	if (error < 0)
		return error;
	const struct xfrm_usersa_id id = {
		.daddr = expire.state.id.daddr,
		.spi = expire.state.id.spi,
		.family = expire.state.family,
		.proto = expire.state.id.proto,
	};
	struct xfrm_state *state = xfrm_sa_named(xfrm, &id, &error, why);
	if (state == NULL)
		return error == -ESRCH ? -ENOENT : error;
	if (state->sa == NULL)
		return netlink_refuse(why, EINVAL, "a reserved SPI cannot be made to expire");
	notify(xfrm, request, state, expire.hard ? SA_EXPIRES_HARD : SA_EXPIRES_SOFT);
	if (expire.hard)
		xfrm_sa_remove(xfrm, state);
	return 0;
}
