/* SPDX-License-Identifier: BSD-3-Clause */
#include "xfrm_message.h"

#include <string.h>
#include <time.h>

#include "counters.h"
#include "event.h"
#include "protocol.h"
#include "xfrm_algorithms.h"
#include "xfrm_replay.h"

struct xfrm_lifetime_cur
xfrm_message_lifetime(const struct xfrm_state *state)
{
	const struct sa *sa = state->sa;
	struct traffic traffic;

	if (sa == NULL)
		return state->info.curlft;
	sa_traffic(sa, &traffic);
	struct xfrm_lifetime_cur now = {
		.bytes = traffic.bytes,
		.packets = traffic.packets,
		.add_time = sa->record->added_at,
		.use_time = sa->record->used_at,
	};
	/* Its first packet has passed, and no tick since. */
	if (now.use_time == 0 && now.packets > 0)
		now.use_time = (uint64_t)time(NULL);
	return now;
}

struct xfrm_usersa_info
xfrm_message_info(const struct xfrm_state *state)
{
	struct xfrm_usersa_info info = state->info;

	info.curlft = xfrm_message_lifetime(state);
	info.stats = (struct xfrm_stats) { 0 };
	if (state->sa != NULL)
		info.stats = (struct xfrm_stats) {
			.replay_window = (uint32_t)counter_read(&state->sa->record->lates),
			.replay = (uint32_t)counter_read(&state->sa->record->duplicates),
			.integrity_failed = (uint32_t)counter_read(&state->sa->record->forgeries),
		};
	return info;
}

struct xfrm_usersa_id
xfrm_message_id(const struct xfrm_state *state)
{
	struct xfrm_usersa_id id;

	memset(&id, 0, sizeof(id)); /* its padding is sent as well */
	id.daddr = state->info.id.daddr;
	id.spi = state->info.id.spi;
	id.family = state->info.family;
	id.proto = state->info.id.proto;
	return id;
}

void
xfrm_message_begin(struct netlink_writer *writer, uint16_t type, uint16_t flags,
	const struct netlink_message *request)
{
	netlink_begin(writer, type, flags, request != NULL ? request->sequence : 0,
		request != NULL ? request->pid : 0);
}

/* All attributes. */
static void
put_details(
	struct netlink_writer *writer, const struct xfrm_state *state, enum xfrm_secrecy secrecy)
{
	bool shown = secrecy == XFRM_WITH_KEYS && !state->manual;

	if (state->sa != NULL) {
		struct xfrm_keys keys = {
			.suite = state->sa->key->suite,
			.encryption = shown ? state->encryption_key : NULL,
			.authentication = shown ? state->authentication_key : NULL,
		};

		xfrm_algorithms_write(writer, &keys);
		if (state->encap.encap_type != 0)
			netlink_put_attribute(
				writer, XFRMA_ENCAP, &state->encap, sizeof(state->encap));
		if (state->mapping_seconds != 0)
			netlink_put_u32(writer, XFRMA_MTIMER_THRESH, state->mapping_seconds);
	}
	xfrm_replay_write(writer, state);
	if (state->if_id != 0)
		netlink_put_u32(writer, XFRMA_IF_ID, state->if_id);
}

void
xfrm_message_put(
	struct netlink_writer *writer, const struct xfrm_state *state, enum xfrm_secrecy secrecy)
{
	struct xfrm_usersa_info info = xfrm_message_info(state);

	netlink_put(writer, &info, sizeof(info));
	put_details(writer, state, secrecy);
}

/* The kernel names a deleted SA by its id and has the rest in an attribute. */
static void
put_deleted(struct netlink_writer *writer, const struct xfrm_state *state)
{
	struct xfrm_usersa_id id = xfrm_message_id(state);
	struct xfrm_usersa_info info = xfrm_message_info(state);

	netlink_put(writer, &id, sizeof(id));
	netlink_put_attribute(writer, XFRMA_SA, &info, sizeof(info));
	put_details(writer, state, XFRM_WITHOUT_KEYS);
}

void
xfrm_message_notify(struct xfrm *xfrm, const struct netlink_message *request, uint16_t type,
	const struct xfrm_state *state)
{
	if (!event_wanted(xfrm->context, ESPALIER_FAMILY_XFRM, XFRMNLGRP_SA))
		return;
	struct netlink_writer writer = xfrm_writer(xfrm);
	xfrm_message_begin(&writer, type, 0, request);
	if (type == XFRM_MSG_DELSA)
		put_deleted(&writer, state);
	else
		xfrm_message_put(&writer, state, XFRM_WITHOUT_KEYS);
	xfrm_event(xfrm, XFRMNLGRP_SA, &writer);
}
