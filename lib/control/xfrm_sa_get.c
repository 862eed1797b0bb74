/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include <linux/netlink.h>

#include "xfrm_message.h"
#include "xfrm_sa.h"

/* GETSA: one SA, or all of them. */

/* Keys go to whoever could have set them. */
static enum xfrm_secrecy
secrecy_of(const struct session *session)
{
	return session->access == SESSION_READ_WRITE ? XFRM_WITH_KEYS : XFRM_WITHOUT_KEYS;
}

/* The next SA of a listing; its subject is the protocol asked for, 0 all. */
static int
append_row(struct session *session, struct dump *dump, struct netlink_writer *writer)
{
	const struct xfrm *xfrm = session->context->xfrm;
	const struct xfrm_state *state;

	do {
		state = xfrm_state_next(xfrm->states, &dump->cursor);
		if (state == NULL)
			return 0;
	} while (dump->subject != 0 && dump->subject != state->info.id.proto);
	xfrm_message_begin(writer, XFRM_MSG_NEWSA, NLM_F_MULTI, &dump->request);
	xfrm_message_put(writer, state, secrecy_of(session));
	int error = netlink_commit(writer);
	return error == 0 ? 1 : error;
}

/* An address filter is not looked at: who sends one, ip does, looks itself. */
static int
list(struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	struct netlink_attribute found[XFRM_ATTRIBUTES];

	int error = xfrm_read_listing(session, request, found, why);

	if (error < 0)
		return error;
	return session_dump(session, request, append_row, netlink_u8(&found[XFRMA_PROTO]));
}

XFRM_HANDLER(xfrm_sa_get)
{
	struct xfrm *xfrm = session->context->xfrm;
	struct netlink_attribute found[XFRM_ATTRIBUTES];
	struct netlink_span body = request->body;
	struct xfrm_usersa_id id = { 0 };

	if ((request->flags & NLM_F_DUMP) != 0) /* either bit, as in the kernel */
		return list(session, request, why);
	if (!netlink_take(&body, &id, sizeof(id)))
		return netlink_refuse(why, EINVAL,
			"a GETSA that is no listing names an SA in %zu bytes, this has %zu",
			sizeof(id), body.bytes);
	int error = xfrm_parse(body, found, why);
	if (error < 0)
		return error;
	const struct xfrm_state *state = xfrm_sa_named(xfrm, &id, &error, why);
	if (state == NULL)
		return error;
	struct netlink_writer writer = xfrm_writer(xfrm);
	xfrm_message_begin(&writer, XFRM_MSG_NEWSA, 0, request);
	xfrm_message_put(&writer, state, secrecy_of(session));
	return xfrm_answer(session, &writer, why);
}
