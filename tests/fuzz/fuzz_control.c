/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Bytes from a client into a session of the control socket, without the socket.
 *
 * The first byte says which socket the client came through and whether it has said hello. Then
 * datagrams follow, each behind a byte for its length and one for its kind: raw, or a message of a
 * known type whose header is right, so that the fuzzer gets past it to the handlers.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>

#include "listener.h"
#include "log.h"
#include "own.h"
#include "protocol.h"
#include "route_family.h"
#include "session.h"
#include "route.h"
#include "small_gateway.h"
#include "sa.h"
#include "tunnel.h"
#include "xfrm.h"

#define CONTINUES_MAX 1000 /* far more datagrams than any listing of the small gateway has */

static struct session_context context;
static struct listener listener;

/* Eight for each family that a session may speak. */
enum { FAMILY_OWN, FAMILY_ROUTE, FAMILY_XFRM, FAMILIES };
static const uint16_t known_types[FAMILIES][8] = {
	[FAMILY_OWN] = { ESPALIER_HELLO, ESPALIER_GROUP, ESPALIER_SHOW, ESPALIER_EXPLAIN,
		ESPALIER_RESUME, ESPALIER_TUNNEL_SET },
	[FAMILY_ROUTE] = { RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE, RTM_NEWNEIGH, RTM_DELNEIGH,
		RTM_GETNEIGH, RTM_GETLINK, ESPALIER_GROUP },
	[FAMILY_XFRM] = { XFRM_MSG_NEWSA, XFRM_MSG_UPDSA, XFRM_MSG_DELSA, XFRM_MSG_GETSA,
		XFRM_MSG_ALLOCSPI, XFRM_MSG_NEWAE, XFRM_MSG_NEWPOLICY, XFRM_MSG_GETPOLICY },
};

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* The log, silent: each change is a line for the operator, here they would be a flood. */
#define SILENT(function) \
	void function(const char *format, ...) \
	{ \
		(void)format; \
	}

SILENT(log_info)
SILENT(log_warning)
SILENT(log_error)

void
log_init(const char *name)
{
	(void)name;
}

/* LeakSanitizer does not look for pointers in EAL's memory. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}

static void
require(bool condition)
{
	if (!condition)
		abort();
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char error[256];

	(void)argc;
	(void)argv;
	small_eal_init();
	context.gw = small_gateway_create();
	context.facts = (struct control_facts) {
		.version = "0", .crypto = "fuzz", .keys = crypto_create(NULL, error, sizeof(error))
	};
	require(context.facts.keys != NULL && xfrm_open(&context) == 0);
	listener.context = &context;
	xfrm_listen(&listener);
	context.gw->listener = &listener;
	return 0;
}

/* What the server says must itself be well-formed: the number of messages. */
static unsigned
drain(struct outbox *outbox)
{
	struct netlink_message message;
	struct netlink_refusal words;
	struct netlink_span datagram;
	unsigned messages = 0;
	int got;

	for (; (datagram.at = outbox_peek(outbox, &datagram.bytes)) != NULL; outbox_pop(outbox)) {
		require(datagram.bytes <= SESSION_ANSWER_BYTES_MAX);
		while ((got = netlink_next_message(&datagram, &message, &words)) > 0) {
			messages++;
			if (message.type != NLMSG_ERROR)
				continue;
			int error = netlink_status(&message, &words);
			require(error != EBADMSG);
			require(error == 0 || words.text[0] != '\0');
		}
		require(got == 0);
	}
	require(outbox->bytes == 0);
	return messages;
}

/* Hands over a datagram that ends where its memory ends, and takes all that comes back. */
static enum session_verdict
deliver(struct session *session, const uint8_t *datagram, size_t bytes)
{
	uint8_t *copy = malloc(bytes > 0 ? bytes : 1);

	require(copy != NULL);
	if (bytes > 0)
		memcpy(copy, datagram, bytes);
	enum session_verdict verdict = session_receive(session, copy, bytes);
	free(copy);
	drain(session->outbox);
	for (unsigned i = 0; session_dumping(session) && verdict == SESSION_GOES_ON; i++) {
		require(i < CONTINUES_MAX);
		verdict = session_continue(session);
		drain(session->outbox);
	}
	return verdict;
}

static unsigned
family_of(const struct session *session)
{
	if (session->family == &xfrm_family)
		return FAMILY_XFRM;
	return session->family == &route_family ? FAMILY_ROUTE : FAMILY_OWN;
}

static unsigned
count_sas(const struct gateway *gw)
{
	uint32_t cursor = 0;
	unsigned n = 0;

	while (sa_next(gw, &cursor) != NULL)
		n++;
	return n;
}

/* One input begins as the other did: its SAs go. */
static void
flush_sas(struct session *session)
{
	_Alignas(4) uint8_t buffer[64];
	struct xfrm_usersa_flush all = { 0 };
	struct netlink_writer writer;

	netlink_writer_init(&writer, buffer, sizeof(buffer));
	netlink_begin(&writer, XFRM_MSG_FLUSHSA, NLM_F_REQUEST, 1, 2);
	netlink_put(&writer, &all, sizeof(all));
	require(netlink_commit(&writer) == 0);
	deliver(session, buffer, writer.used);
	require(count_sas(session->context->gw) == 0);
}

/* One datagram of the kind that a byte asks for. */
static enum session_verdict
deliver_kind(struct session *session, uint8_t kind, const uint8_t *data, size_t bytes)
{
	uint8_t buffer[1024];
	struct netlink_writer writer;
	unsigned family = family_of(session);
	uint16_t type = known_types[family][kind % 8];
	/* Of the flags that ask for a listing, or say how a route is set: one of four. */
	uint16_t flags = (uint16_t)((kind >> 4 & 3) << 8 | (kind & 0x40) << 4);

	if (type == 0 || (kind & 0x80) != 0)
		return deliver(session, data, bytes);
	netlink_writer_init(&writer, buffer, sizeof(buffer));
	netlink_begin(&writer, type, (uint16_t)(NLM_F_REQUEST | (kind & NLM_F_ACK) | flags), 1, 2);
	netlink_put(&writer, data, bytes);
	require(netlink_commit(&writer) == 0);
	return deliver(session, buffer, writer.used);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static const struct family *const greeted[4] = { NULL, &own_family, &route_family,
		&xfrm_family };
	struct gateway *gw = context.gw;
	struct outbox outbox = { 0 };

	if (bytes < 1)
		return 0;
	struct session session = {
		.context = &context,
		.outbox = &outbox,
		.access = data[0] & 1 ? SESSION_READ_WRITE : SESSION_READ_ONLY,
		.family = greeted[data[0] >> 1 & 3],
	};
	bool held = atomic_load(&gw->held);
	bool held_down = gw->tunnels[0].held_down;
	uint32_t routes = route_count(gw);
	unsigned sas = count_sas(gw);

	for (data++, bytes--; bytes >= 2;) {
		size_t wanted = (size_t)data[0] * 2;
		size_t length = wanted < bytes - 2 ? wanted : bytes - 2;

		if (deliver_kind(&session, data[1], data + 2, length) == SESSION_OVER)
			break;
		data += 2 + length;
		bytes -= 2 + length;
	}
	if (session.family == &xfrm_family && session.access == SESSION_READ_WRITE)
		flush_sas(&session);
	session_close(&session);
	drain(&outbox);
	require(context.routes.n == 0);
	if (session.access == SESSION_READ_ONLY)
		require(route_count(gw) == routes && count_sas(gw) == sas &&
			atomic_load(&gw->held) == held && gw->tunnels[0].held_down == held_down);
	return 0;
}
