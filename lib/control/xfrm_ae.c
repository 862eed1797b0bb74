/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <linux/netlink.h>

#include "gateway.h"
#include "lifetime.h"
#include "sa.h"
#include "xfrm_message.h"
#include "xfrm_replay.h"
#include "xfrm_request.h"
#include "xfrm_sa.h"

/* GETAE and NEWAE: where an SA is, its sequence numbers and its age; and how many SAs there are. */

/* The SA that such a message is about, with its attributes read. NULL: -errno in `error` and words.
 */
static struct xfrm_state *
read_id(struct xfrm *xfrm, const struct netlink_message *request, struct xfrm_aevent_id *id,
	struct netlink_attribute found[XFRM_ATTRIBUTES], int *error, struct netlink_refusal *why)
{
	struct netlink_span body = request->body;

	netlink_take(&body, id, sizeof(*id));
	*error = xfrm_parse(body, found, why);
	if (*error < 0)
		return NULL;
	return xfrm_sa_named(xfrm, &id->sa_id, error, why);
}

static void
put(struct netlink_writer *writer, const struct xfrm_state *state, uint32_t flags)
{
	struct xfrm_lifetime_cur lifetime = xfrm_message_lifetime(state);
	struct xfrm_aevent_id id;

	memset(&id, 0, sizeof(id)); /* its padding is sent as well */
	id.sa_id = xfrm_message_id(state);
	id.saddr = state->info.saddr;
	id.flags = flags;
	id.reqid = state->info.reqid;
	netlink_put(writer, &id, sizeof(id));
	xfrm_replay_write(writer, state);
	netlink_put_attribute(writer, XFRMA_LTIME_VAL, &lifetime, sizeof(lifetime));
	/* There are none. */
	if ((flags & XFRM_AE_RTHR) != 0)
		netlink_put_u32(writer, XFRMA_REPLAY_THRESH, 0);
	if ((flags & XFRM_AE_ETHR) != 0)
		netlink_put_u32(writer, XFRMA_ETIMER_THRESH, 0);
	if (state->if_id != 0)
		netlink_put_u32(writer, XFRMA_IF_ID, state->if_id);
}

XFRM_HANDLER(xfrm_sa_get_ae)
{
	struct xfrm *xfrm = session->context->xfrm;
	struct netlink_attribute found[XFRM_ATTRIBUTES];
	struct xfrm_aevent_id id = { 0 };
	int error;
	const struct xfrm_state *state = read_id(xfrm, request, &id, found, &error, why);

	if (state == NULL)
		return error;
	struct netlink_writer writer = xfrm_writer(xfrm);
	xfrm_message_begin(&writer, XFRM_MSG_NEWAE, 0, request);
	put(&writer, state, id.flags);
	return xfrm_answer(session, &writer, why);
}

/* Reads what a NEWAE says of the numbers of an SA, in the attribute that the SA has. */
static int
read_replay(const struct xfrm_state *state, const struct netlink_attribute found[],
	struct xfrm_replay *replay, struct netlink_refusal *why)
{
	bool esn_form = found[XFRMA_REPLAY_ESN_VAL].data != NULL;
	uint32_t old_window = esn_form ? 0 : state->replay_window;
	int error = xfrm_replay_read(found, old_window, esn_form, replay, why);

	if (error < 0 || !replay->given)
		return error;
	if (replay->words != state->replay_words)
		return netlink_refuse(why, EINVAL,
			"a replay bitmap of %u words (0: REPLAY_VAL); the SA was added with %u",
			replay->words, state->replay_words);
	uint64_t highest = state->sa->direction == SA_IN ? replay->seen : replay->sent;
	if (highest > lifetime_last_sequence(state->sa->esn))
		return netlink_refuse(why, EINVAL, "sequence number %llu is past the last",
			(unsigned long long)highest);
	return xfrm_replay_check(replay, state->sa->direction, state->sa->esn, why);
}

/* Outbound, the next number is above what is given. Inbound, the window is replaced whole. */
static int
set_replay(struct xfrm *xfrm, struct xfrm_state *state, const struct xfrm_replay *replay,
	struct netlink_refusal *why)
{
	struct replay_state window = xfrm_replay_state(replay);

	if (state->sa->direction == SA_OUT) {
		sa_raise_sequence(xfrm->gw, state->sa, replay->sent);
		return 0;
	}
	/* The old attribute does not tell the window. */
	if (replay->words == 0)
		window.window = sa_replay(state->sa)->window;
	int error = sa_set_replay(xfrm->gw, state->sa, &window);
	if (error < 0)
		return netlink_refuse(
			why, -error, "the replay window cannot be set: %s", strerror(-error));
	if (replay->words != 0)
		state->replay_window = replay->window;
	return 0;
}

XFRM_HANDLER(xfrm_sa_new_ae)
{
	struct xfrm *xfrm = session->context->xfrm;
	struct netlink_attribute found[XFRM_ATTRIBUTES];
	struct xfrm_aevent_id id = { 0 };
	struct xfrm_replay replay;
	int error;

	if ((request->flags & NLM_F_REPLACE) == 0)
		return netlink_refuse(why, EINVAL, "a NEWAE replaces, it needs NLM_F_REPLACE");
	struct xfrm_state *state = read_id(xfrm, request, &id, found, &error, why);
	if (state == NULL)
		return error;
	if (state->sa == NULL)
		return netlink_refuse(why, EINVAL, "a reserved SPI has no numbers to set");
	error = read_replay(state, found, &replay, why);
	if (error < 0)
		return error;
	if (!replay.given && found[XFRMA_LTIME_VAL].data == NULL)
		return netlink_refuse(
			why, EINVAL, "neither REPLAY_VAL, REPLAY_ESN_VAL nor LTIME_VAL is given");
	error = replay.given ? set_replay(xfrm, state, &replay, why) : 0;
	if (error < 0)
		return error;
	if (found[XFRMA_LTIME_VAL].data != NULL) {
		struct sa_past past = xfrm_past(&found[XFRMA_LTIME_VAL]);

		sa_set_past(xfrm->gw, state->sa, &past);
	}
	struct netlink_writer writer = xfrm_writer(xfrm);
	xfrm_message_begin(&writer, XFRM_MSG_NEWAE, 0, request);
	put(&writer, state, XFRM_AE_CU);
	xfrm_event(xfrm, XFRMNLGRP_AEVENTS, &writer);
	return 0;
}

XFRM_HANDLER(xfrm_sa_info)
{
	struct xfrm *xfrm = session->context->xfrm;
	struct netlink_span body = request->body;
	/* The kernel tells of the buckets of its hash table; there are none to tell of. */
	const struct xfrmu_sadhinfo buckets = { 0 };
	uint32_t flags = 0;

	netlink_take(&body, &flags, sizeof(flags));
	struct netlink_writer writer = xfrm_writer(xfrm);
	xfrm_message_begin(&writer, XFRM_MSG_NEWSADINFO, 0, request);
	netlink_put(&writer, &flags, sizeof(flags));
	netlink_put_u32(&writer, XFRMA_SAD_CNT, xfrm_states_count(xfrm->states));
	netlink_put_attribute(&writer, XFRMA_SAD_HINFO, &buckets, sizeof(buckets));
	return xfrm_answer(session, &writer, why);
}
