/* SPDX-License-Identifier: BSD-3-Clause */
#include "xfrm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/udp.h>

#include "event.h"
#include "gateway.h"
#include "key_memory.h"
#include "outbox.h"
#include "protocol.h"
#include "publish.h"
#include "sa.h"
#include "tunnel.h"
#include "xfrm_expire.h"
#include "xfrm_internal.h"
#include "xfrm_mapping.h"
#include "xfrm_policies.h"
#include "xfrm_policy.h"
#include "xfrm_sa.h"
#include "xfrm_state.h"
#include "xfrm_tunnels.h"

/* Of one datagram. A GETSA is answered with some thirty times its length, and the answers to all
 * that are in a datagram must have room in an outbox. */
#define REQUEST_BYTES 8192
/* What charon reads into. */
#define ANSWER_BYTES 4096

/* --- attributes --- */

#define FIXED(name, structure) \
	{ \
		name, NETLINK_BYTES, sizeof(structure), sizeof(structure) \
	}
#define OPEN(name, structure) \
	{ \
		name, NETLINK_BYTES, sizeof(structure), UINT16_MAX \
	}

static const struct netlink_rule rules[XFRM_ATTRIBUTES] = {
	[XFRMA_ALG_AUTH] = OPEN("ALG_AUTH", struct xfrm_algo),
	[XFRMA_ALG_CRYPT] = OPEN("ALG_CRYPT", struct xfrm_algo),
	[XFRMA_ALG_COMP] = OPEN("ALG_COMP", struct xfrm_algo),
	[XFRMA_ENCAP] = FIXED("ENCAP", struct xfrm_encap_tmpl),
	[XFRMA_TMPL] = { "TMPL", NETLINK_BYTES, 0, UINT16_MAX },
	[XFRMA_SA] = OPEN("SA", struct xfrm_usersa_info),
	[XFRMA_POLICY] = OPEN("POLICY", struct xfrm_userpolicy_info),
	[XFRMA_SEC_CTX] = OPEN("SEC_CTX", struct xfrm_user_sec_ctx),
	[XFRMA_LTIME_VAL] = FIXED("LTIME_VAL", struct xfrm_lifetime_cur),
	[XFRMA_REPLAY_VAL] = FIXED("REPLAY_VAL", struct xfrm_replay_state),
	[XFRMA_REPLAY_THRESH] = FIXED("REPLAY_THRESH", uint32_t),
	[XFRMA_ETIMER_THRESH] = FIXED("ETIMER_THRESH", uint32_t),
	[XFRMA_SRCADDR] = FIXED("SRCADDR", xfrm_address_t),
	[XFRMA_COADDR] = FIXED("COADDR", xfrm_address_t),
	[XFRMA_LASTUSED] = FIXED("LASTUSED", uint64_t),
	[XFRMA_POLICY_TYPE] = OPEN("POLICY_TYPE", struct xfrm_userpolicy_type),
	[XFRMA_MIGRATE] = OPEN("MIGRATE", struct xfrm_user_migrate),
	[XFRMA_ALG_AEAD] = OPEN("ALG_AEAD", struct xfrm_algo_aead),
	[XFRMA_KMADDRESS] = OPEN("KMADDRESS", struct xfrm_user_kmaddress),
	[XFRMA_ALG_AUTH_TRUNC] = OPEN("ALG_AUTH_TRUNC", struct xfrm_algo_auth),
	[XFRMA_MARK] = FIXED("MARK", struct xfrm_mark),
	[XFRMA_TFCPAD] = FIXED("TFCPAD", uint32_t),
	[XFRMA_REPLAY_ESN_VAL] = OPEN("REPLAY_ESN_VAL", struct xfrm_replay_state_esn),
	[XFRMA_SA_EXTRA_FLAGS] = FIXED("SA_EXTRA_FLAGS", uint32_t),
	[XFRMA_PROTO] = FIXED("PROTO", uint8_t),
	[XFRMA_ADDRESS_FILTER] = FIXED("ADDRESS_FILTER", struct xfrm_address_filter),
	[XFRMA_PAD] = { "PAD", NETLINK_BYTES, 0, UINT16_MAX },
	[XFRMA_OFFLOAD_DEV] = FIXED("OFFLOAD_DEV", struct xfrm_user_offload),
	[XFRMA_SET_MARK] = FIXED("SET_MARK", uint32_t),
	[XFRMA_SET_MARK_MASK] = FIXED("SET_MARK_MASK", uint32_t),
	[XFRMA_IF_ID] = FIXED("IF_ID", uint32_t),
	[XFRMA_MTIMER_THRESH] = FIXED("MTIMER_THRESH", uint32_t),
	[XFRMA_SA_DIR] = FIXED("SA_DIR", uint8_t),
	[XFRMA_NAT_KEEPALIVE_INTERVAL] = FIXED("NAT_KEEPALIVE_INTERVAL", uint32_t),
	[XFRMA_SA_PCPU] = FIXED("SA_PCPU", uint32_t),
};

int
xfrm_parse(struct netlink_span attributes, struct netlink_attribute found[XFRM_ATTRIBUTES],
	struct netlink_refusal *why)
{
	return netlink_parse(attributes, rules, found, XFRM_ATTRIBUTES, why);
}

int
xfrm_read_listing(struct session *session, const struct netlink_message *request,
	struct netlink_attribute found[XFRM_ATTRIBUTES], struct netlink_refusal *why)
{
	if (session_dumping(session))
		return netlink_refuse(why, EBUSY, "another listing runs on this connection");
	return xfrm_parse(request->body, found, why);
}

int
xfrm_check_family(uint16_t family, struct netlink_refusal *why)
{
	if (family == AF_INET)
		return 0;
	if (family == AF_INET6)
		return netlink_refuse(why, EOPNOTSUPP, "IPv6 is not supported by this version");
	return netlink_refuse(why, EINVAL, "there is no address family %u", family);
}

int
xfrm_check_protocol(uint8_t protocol, struct netlink_refusal *why)
{
	switch (protocol) {
	case IPPROTO_ESP:
		return 0;
	case IPPROTO_AH:
		return netlink_refuse(why, EOPNOTSUPP, "AH is not supported, ESP is");
	case IPPROTO_COMP:
		return netlink_refuse(why, EOPNOTSUPP, "IPComp is not supported, ESP is");
	default:
		return netlink_refuse(why, EINVAL, "protocol %u is not one of IPsec", protocol);
	}
}

/* --- messages that go out --- */

struct netlink_writer
xfrm_writer(struct xfrm *xfrm)
{
	struct netlink_writer writer;

	netlink_writer_init(&writer, xfrm->context->scratch, ANSWER_BYTES);
	return writer;
}

int
xfrm_answer(struct session *session, struct netlink_writer *writer, struct netlink_refusal *why)
{
	int error = netlink_commit(writer);

	if (error == 0)
		error = outbox_put(session->outbox, writer->buffer, writer->used);
	explicit_bzero(writer->buffer, writer->room);
	return error == 0 ? 0 : netlink_refuse(why, -error, "there is no room for the answer");
}

void
xfrm_event(struct xfrm *xfrm, uint32_t group, struct netlink_writer *writer)
{
	if (netlink_commit(writer) == 0)
		event_send(
			xfrm->context, ESPALIER_FAMILY_XFRM, group, writer->buffer, writer->used);
}

/* --- the family --- */

static XFRM_HANDLER(migrate)
{
	(void)session;
	(void)request;
	/* What a kernel without CONFIG_XFRM_MIGRATE says; pluto and charon know it. */
	return netlink_refuse(why, ENOPROTOOPT,
		"SAs are not migrated: delete them, and add them with the new addresses");
}

static const struct message_type types[] = {
	{ XFRM_MSG_NEWSA, sizeof(struct xfrm_usersa_info), MESSAGE_WRITES | MESSAGE_LOGGED, "NEWSA",
		xfrm_sa_new },
	{ XFRM_MSG_UPDSA, sizeof(struct xfrm_usersa_info), MESSAGE_WRITES | MESSAGE_LOGGED, "UPDSA",
		xfrm_sa_update },
	{ XFRM_MSG_DELSA, sizeof(struct xfrm_usersa_id), MESSAGE_WRITES, "DELSA", xfrm_sa_delete },
	/* A listing has no body; whoever asks for one SA is asked for it by the handler. */
	{ XFRM_MSG_GETSA, 0, 0, "GETSA", xfrm_sa_get },
	{ XFRM_MSG_FLUSHSA, sizeof(struct xfrm_usersa_flush), MESSAGE_WRITES, "FLUSHSA",
		xfrm_sa_flush },
	{ XFRM_MSG_ALLOCSPI, sizeof(struct xfrm_userspi_info), MESSAGE_WRITES, "ALLOCSPI",
		xfrm_sa_alloc_spi },
	{ XFRM_MSG_EXPIRE, sizeof(struct xfrm_user_expire), MESSAGE_WRITES, "EXPIRE",
		xfrm_sa_expire },
	{ XFRM_MSG_NEWAE, sizeof(struct xfrm_aevent_id), MESSAGE_WRITES, "NEWAE", xfrm_sa_new_ae },
	{ XFRM_MSG_GETAE, sizeof(struct xfrm_aevent_id), 0, "GETAE", xfrm_sa_get_ae },
	{ XFRM_MSG_GETSADINFO, sizeof(uint32_t), 0, "GETSADINFO", xfrm_sa_info },
	{ XFRM_MSG_MIGRATE, 0, MESSAGE_WRITES, "MIGRATE", migrate },
	{ XFRM_MSG_NEWPOLICY, sizeof(struct xfrm_userpolicy_info), MESSAGE_WRITES | MESSAGE_LOGGED,
		"NEWPOLICY", xfrm_policy_install },
	{ XFRM_MSG_UPDPOLICY, sizeof(struct xfrm_userpolicy_info), MESSAGE_WRITES | MESSAGE_LOGGED,
		"UPDPOLICY", xfrm_policy_install },
	{ XFRM_MSG_DELPOLICY, sizeof(struct xfrm_userpolicy_id), MESSAGE_WRITES, "DELPOLICY",
		xfrm_policy_delete },
	{ XFRM_MSG_GETPOLICY, 0, 0, "GETPOLICY", xfrm_policy_get },
	{ XFRM_MSG_FLUSHPOLICY, 0, MESSAGE_WRITES, "FLUSHPOLICY", xfrm_policy_flush },
	{ XFRM_MSG_POLEXPIRE, sizeof(struct xfrm_user_polexpire), MESSAGE_WRITES, "POLEXPIRE",
		xfrm_policy_expire },
	{ XFRM_MSG_GETSPDINFO, sizeof(uint32_t), 0, "GETSPDINFO", xfrm_spd_info },
	{ XFRM_MSG_NEWSPDINFO, sizeof(uint32_t), MESSAGE_WRITES, "NEWSPDINFO", xfrm_spd_set },
	{ XFRM_MSG_SETDEFAULT, sizeof(struct xfrm_userpolicy_default), MESSAGE_WRITES, "SETDEFAULT",
		xfrm_spd_set_default },
	{ XFRM_MSG_GETDEFAULT, 0, 0, "GETDEFAULT", xfrm_spd_get_default },
};

const struct family xfrm_family = {
	.id = ESPALIER_FAMILY_XFRM,
	.name = "XFRM",
	.request_bytes = REQUEST_BYTES,
	.answer_bytes = ANSWER_BYTES,
	.groups_max = XFRMNLGRP_MAX,
	.types = types,
	.n_types = ARRAY_LEN(types),
};

/* --- open and close --- */

static uint64_t
limit(uint64_t ours)
{
	return ours != 0 ? ours : XFRM_INF;
}

/* Makes a state for an SA of the configuration, so that clients see it. Its keys they do not see:
 * they are not kept. */
static int
adopt(struct xfrm *xfrm, struct sa *sa)
{
	struct xfrm_state *state =
		xfrm_state_add(xfrm->states, (struct xfrm_name) { sa->spi, sa->destination });
	uint32_t window_max = 32 * XFRM_REPLAY_WORDS_MAX;

	if (state == NULL)
		return -ENOMEM;
	sa->record->origin = state;
	state->sa = sa;
	state->manual = true;
	state->if_id = xfrm->gw->tunnels[sa->tunnel].if_id;
	if (sa->direction == SA_IN)
		state->replay_window =
			sa_replay(sa)->window < window_max ? sa_replay(sa)->window : window_max;
	state->replay_words = (state->replay_window + 31) / 32;
	if (sa->esn && state->replay_words == 0)
		state->replay_words = 1;
	if (sa->udp)
		state->encap = (struct xfrm_encap_tmpl) { .encap_type = UDP_ENCAP_ESPINUDP,
			.encap_sport = htons(sa->record->encap_sport),
			.encap_dport = htons(sa->record->encap_dport) };
	struct xfrm_usersa_info *info = &state->info; /* all zero: its padding is sent as well */
	info->sel.family = AF_INET;
	info->id.daddr = xfrm_address_of(sa->destination);
	info->id.spi = htonl(sa->spi);
	info->id.proto = IPPROTO_ESP;
	info->saddr = xfrm_address_of(sa->record->source);
	info->lft = (struct xfrm_lifetime_cfg) { XFRM_INF, limit(sa->record->lifetime.bytes),
		XFRM_INF, limit(sa->record->lifetime.packets), 0, sa->record->lifetime.seconds, 0,
		0 };
	info->family = AF_INET;
	info->mode = XFRM_MODE_TUNNEL;
	info->flags = sa->esn ? XFRM_STATE_ESN : 0;
	return 0;
}

int
xfrm_open(struct session_context *context)
{
	struct xfrm *xfrm = calloc(1, sizeof(*xfrm));
	uint32_t cursor = 0;
	struct sa *sa;

	if (xfrm == NULL)
		return -ENOMEM;
	context->xfrm = xfrm;
	xfrm->context = context;
	xfrm->gw = context->gw;
	xfrm->tunnels = xfrm_tunnels_create(xfrm->gw);
	xfrm->states = xfrm_states_create(xfrm->gw->slab);
	xfrm->keys = key_memory_create();
	xfrm->policies = xfrm_policies_create();
	if (xfrm->tunnels == NULL || xfrm->states == NULL || xfrm->keys == NULL ||
		xfrm->policies == NULL)
		goto close;
	while ((sa = sa_next(xfrm->gw, &cursor)) != NULL)
		if (adopt(xfrm, sa) < 0)
			goto close;
	return 0;

close:
	xfrm_close(context);
	return -ENOMEM;
}

void
xfrm_listen(struct listener *listener)
{
	listener->sa_expired = xfrm_expired;
	listener->sa_retired = xfrm_sa_retired;
	listener->acquire = xfrm_acquire;
	listener->mapping = xfrm_mapping;
}

void
xfrm_close(struct session_context *context)
{
	struct xfrm *xfrm = context->xfrm;
	uint32_t cursor = 0;
	struct sa *sa;

	if (xfrm == NULL)
		return;
	/* Those on their way out still have their states. */
	publish_flush(xfrm->gw->publisher);
	while ((sa = sa_next(xfrm->gw, &cursor)) != NULL)
		sa->record->origin = NULL;
	xfrm_policies_destroy(xfrm->policies);
	xfrm_states_destroy(xfrm->states);
	key_memory_destroy(xfrm->keys);
	xfrm_tunnels_destroy(xfrm->tunnels);
	free(xfrm);
	context->xfrm = NULL;
}
