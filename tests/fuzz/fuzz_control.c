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

#include "log.h"
#include "own.h"
#include "protocol.h"
#include "session.h"
#include "small_gateway.h"
#include "tunnel.h"

#define CONTINUES_MAX 1000 /* far more datagrams than any listing of the small gateway has */

static struct session_context context;

static const uint16_t known_types[] = { ESPALIER_HELLO, ESPALIER_GROUP, ESPALIER_SHOW,
	ESPALIER_EXPLAIN, ESPALIER_RESUME, ESPALIER_TUNNEL_SET };

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

static void
require(bool condition)
{
	if (!condition)
		abort();
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	small_eal_init();
	context.gw = small_gateway_create();
	context.facts = (struct control_facts) { .version = "0", .crypto = "fuzz" };
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
		require(drain(session->outbox) > 0);
	}
	return verdict;
}

/* One datagram of the kind that a byte asks for. */
static enum session_verdict
deliver_kind(struct session *session, uint8_t kind, const uint8_t *data, size_t bytes)
{
	uint8_t buffer[512];
	struct netlink_writer writer;

	if (kind % 8 >= ARRAY_LEN(known_types))
		return deliver(session, data, bytes);
	netlink_writer_init(&writer, buffer, sizeof(buffer));
	netlink_begin(&writer, known_types[kind % 8], NLM_F_REQUEST | (kind & NLM_F_ACK), 1, 2);
	netlink_put(&writer, data, bytes);
	require(netlink_commit(&writer) == 0);
	return deliver(session, buffer, writer.used);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct gateway *gw = context.gw;
	struct outbox outbox = { 0 };

	if (bytes < 1)
		return 0;
	struct session session = {
		.context = &context,
		.outbox = &outbox,
		.access = data[0] & 1 ? SESSION_READ_WRITE : SESSION_READ_ONLY,
		.family = data[0] & 2 ? &own_family : NULL,
	};
	bool held = atomic_load(&gw->held);
	bool held_down = gw->tunnels[0].held_down;

	for (data++, bytes--; bytes >= 2;) {
		size_t length = data[0] < bytes - 2 ? data[0] : bytes - 2;

		if (deliver_kind(&session, data[1], data + 2, length) == SESSION_OVER)
			break;
		data += 2 + length;
		bytes -= 2 + length;
	}
	drain(&outbox);
	if (session.access == SESSION_READ_ONLY)
		require(atomic_load(&gw->held) == held && gw->tunnels[0].held_down == held_down);
	return 0;
}
