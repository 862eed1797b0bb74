/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Family XFRM over the small gateway, without sockets: a daemon's session, one that only listens,
 * and the messages of linux/xfrm.h by struct, as charon 5.9.8 and iproute2 6.1 fill them.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>

#include <cmocka.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>

#include "event.h"
#include "listener.h"
#include "netlink.h"
#include "outbox.h"
#include "protocol.h"
#include "publish.h"
#include "sa.h"
#include "session.h"
#include "small_gateway.h"
#include "tunnel.h"
#include "xfrm.h"

#define LOCAL IP(203, 0, 113, 191)
#define REMOTE(tunnel) IP(192, 0, 2, 1 + (tunnel))
#define REQID 7
#define SEQUENCE 4711
#define DAEMON_PID 99

static const uint8_t cipher_key[36] = { 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9,
	0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf };
static const uint8_t mac_key[64] = { 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9,
	0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xe1, 0xe2, 0xe3 };

static struct session_context context;
static struct listener listener;
static struct gateway *gw;
static struct outbox outbox, heard;
static struct session session, ear;

/* What came back: errno of the ack (-1: none came), its words, and what stood before it. */
static struct {
	int error;
	struct netlink_refusal words;
	unsigned n; /* messages but the ack */
	struct netlink_message message;
	uint8_t bytes[1 << 17]; /* their bodies' home */
	size_t used;
	size_t longest; /* datagram */
} answer;

static struct {
	_Alignas(4) uint8_t bytes[4096];
	struct netlink_writer writer;
	bool ended;
} draft;

static inline int
bench_start(void **state)
{
	char error[256];

	(void)state;
	small_eal_init();
	context.facts.keys = crypto_create(NULL, error, sizeof(error));
	assert_non_null(context.facts.keys);
	return 0;
}

static inline int
bench_stop(void **state)
{
	(void)state;
	crypto_destroy(context.facts.keys);
	return 0;
}

static inline int
bench_setup(void **state)
{
	(void)state;
	gw = small_gateway_create();
	context.gw = gw;
	assert_int_equal(xfrm_open(&context), 0);
	listener.context = &context;
	xfrm_listen(&listener);
	gw->listener = &listener;
	session = (struct session) { .context = &context,
		.outbox = &outbox,
		.access = SESSION_READ_WRITE,
		.family = &xfrm_family };
	ear = (struct session) { .context = &context,
		.outbox = &heard,
		.access = SESSION_READ_ONLY,
		.family = &xfrm_family };
	event_join(&ear, XFRMNLGRP_SA);
	event_join(&ear, XFRMNLGRP_EXPIRE);
	event_join(&ear, XFRMNLGRP_AEVENTS);
	return 0;
}

static inline int
bench_teardown(void **state)
{
	(void)state;
	session_close(&ear);
	outbox_clear(&heard);
	outbox_clear(&outbox);
	xfrm_close(&context);
	gw->listener = NULL;
	gateway_destroy(gw);
	return 0;
}

/* --- requests --- */

static inline void
begin(uint16_t type, uint16_t flags)
{
	netlink_writer_init(&draft.writer, draft.bytes, sizeof(draft.bytes));
	netlink_begin(&draft.writer, type, NLM_F_REQUEST | flags, SEQUENCE, DAEMON_PID);
	draft.ended = false;
}

static inline void
put(const void *data, size_t bytes)
{
	netlink_put(&draft.writer, data, bytes);
}

static inline void
put_attribute(uint16_t type, const void *data, size_t bytes)
{
	netlink_put_attribute(&draft.writer, type, data, (uint16_t)bytes);
}

static inline void
end(void)
{
	if (!draft.ended)
		assert_int_equal(netlink_commit(&draft.writer), 0);
	draft.ended = true;
}

static inline void
take_answers(struct outbox *from)
{
	struct netlink_span datagram;

	for (; (datagram.at = outbox_peek(from, &datagram.bytes)) != NULL; outbox_pop(from)) {
		struct netlink_message message;
		struct netlink_refusal why;

		assert_true(answer.used + datagram.bytes <= sizeof(answer.bytes));
		memcpy(answer.bytes + answer.used, datagram.at, datagram.bytes);
		if (datagram.bytes > answer.longest)
			answer.longest = datagram.bytes;
		struct netlink_span copy = { answer.bytes + answer.used, datagram.bytes };
		answer.used += datagram.bytes;
		while (netlink_next_message(&copy, &message, &why) > 0) {
			if (message.type == NLMSG_ERROR || message.type == NLMSG_DONE) {
				answer.error = netlink_status(&message, &answer.words);
				continue;
			}
			if (answer.n++ == 0)
				answer.message = message;
		}
	}
}

static inline void
forget_answers(void)
{
	answer.error = -1;
	answer.words.text[0] = '\0';
	answer.n = 0;
	answer.used = answer.longest = 0;
}

/* Sends what was begun, on that session; the errno that came back. */
static inline int
send_on(struct session *to, const uint8_t *bytes, size_t n)
{
	forget_answers();
	assert_int_equal(session_receive(to, bytes, n), SESSION_GOES_ON);
	take_answers(to->outbox);
	while (session_dumping(to)) {
		assert_int_equal(session_continue(to), SESSION_GOES_ON);
		take_answers(to->outbox);
	}
	return answer.error;
}

static inline int
send_off(void)
{
	end();
	return send_on(&session, draft.writer.buffer, draft.writer.used);
}

#define assert_refused(error_, words_) \
	do { \
		assert_int_equal(send_off(), error_); \
		if (strstr(answer.words.text, words_) == NULL) \
			fail_msg("expected '%s' in '%s'", words_, answer.words.text); \
	} while (0)

/* The next event, in `answer`; its type, or 0. */
static inline uint16_t
hear(void)
{
	struct netlink_span datagram;
	struct netlink_refusal why;

	forget_answers();
	datagram.at = outbox_peek(&heard, &datagram.bytes);
	if (datagram.at == NULL)
		return 0;
	memcpy(answer.bytes, datagram.at, datagram.bytes);
	datagram.at = answer.bytes;
	outbox_pop(&heard);
	assert_int_equal(netlink_next_message(&datagram, &answer.message, &why), 1);
	return answer.message.type;
}

/* Copies the fixed part of what came back, and finds an attribute of the rest. */
static inline struct netlink_attribute
read_answer(void *fixed, size_t bytes, uint16_t type)
{
	struct netlink_span body = answer.message.body;
	struct netlink_attribute attribute;
	struct netlink_refusal why;

	assert_true(netlink_take(&body, fixed, bytes));
	while (netlink_next_attribute(&body, &attribute, &why) > 0)
		if (attribute.type == type)
			return attribute;
	return (struct netlink_attribute) { 0 };
}

/* --- what they put into them --- */

static const struct xfrm_lifetime_cfg no_limits = { XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF };

static inline struct xfrm_usersa_info
sa_info(enum sa_direction direction, unsigned tunnel, uint32_t spi)
{
	bool out = direction == SA_OUT;

	return (struct xfrm_usersa_info) {
		.id = { .daddr.a4 = htonl(out ? REMOTE(tunnel) : LOCAL),
			.spi = htonl(spi),
			.proto = IPPROTO_ESP },
		.saddr.a4 = htonl(out ? LOCAL : REMOTE(tunnel)),
		.lft = no_limits,
		.reqid = REQID,
		.family = AF_INET,
		.mode = XFRM_MODE_TUNNEL,
		.replay_window = out ? 0 : 32,
		.flags = XFRM_STATE_AF_UNSPEC,
	};
}

static inline struct xfrm_usersa_id
sa_id(enum sa_direction direction, unsigned tunnel, uint32_t spi)
{
	struct xfrm_usersa_info info = sa_info(direction, tunnel, spi);

	return (struct xfrm_usersa_id) {
		.daddr = info.id.daddr, .spi = info.id.spi, .family = AF_INET, .proto = IPPROTO_ESP
	};
}

static inline void
put_algorithm(uint16_t type, const char *name, const uint8_t *key, unsigned key_bits, unsigned icv)
{
	uint8_t bytes[256] = { 0 };
	size_t front = type == XFRMA_ALG_AUTH || type == XFRMA_ALG_CRYPT ? 68 : 72;

	memcpy(bytes, name, strlen(name));
	memcpy(bytes + 64, &key_bits, sizeof(key_bits));
	if (front == 72)
		memcpy(bytes + 68, &icv, sizeof(icv));
	memcpy(bytes + front, key, key_bits / 8);
	put_attribute(type, bytes, front + key_bits / 8);
}

/* What charon says for aes128-sha1. */
static inline void
put_scenario_suite(void)
{
	put_algorithm(XFRMA_ALG_CRYPT, "aes", cipher_key, 128, 0);
	put_algorithm(XFRMA_ALG_AUTH, "sha1", mac_key, 160, 0);
}

static inline void
put_if_id(uint32_t if_id)
{
	put_attribute(XFRMA_IF_ID, &if_id, sizeof(if_id));
}

/* A whole NEWSA or UPDSA as from charon, for that tunnel; more attributes may follow. */
static inline void
begin_sa(uint16_t type, enum sa_direction direction, unsigned tunnel, uint32_t spi)
{
	struct xfrm_usersa_info info = sa_info(direction, tunnel, spi);

	begin(type, NLM_F_ACK);
	put(&info, sizeof(info));
	put_scenario_suite();
	put_if_id(tunnel + 1);
}

static inline void
add_sa(enum sa_direction direction, unsigned tunnel, uint32_t spi)
{
	begin_sa(XFRM_MSG_NEWSA, direction, tunnel, spi);
	assert_int_equal(send_off(), 0);
}

/* GETSA or DELSA. */
static inline int
ask_sa(uint16_t type, enum sa_direction direction, unsigned tunnel, uint32_t spi)
{
	struct xfrm_usersa_id id = sa_id(direction, tunnel, spi);

	begin(type, NLM_F_ACK);
	put(&id, sizeof(id));
	return send_off();
}

static inline int
ask_ae(enum sa_direction direction, unsigned tunnel, uint32_t spi)
{
	struct xfrm_aevent_id id = {
		.sa_id = sa_id(direction, tunnel, spi),
		.saddr = sa_info(direction, tunnel, spi).saddr,
		.flags = XFRM_AE_RVAL,
	};

	begin(XFRM_MSG_GETAE, NLM_F_ACK);
	put(&id, sizeof(id));
	return send_off();
}

/* A listing as ip asks for it: no fixed part. */
static inline unsigned
list_on(struct session *from)
{
	begin(XFRM_MSG_GETSA, NLM_F_DUMP);
	end();
	assert_int_equal(send_on(from, draft.writer.buffer, draft.writer.used), 0);
	return answer.n;
}

static inline struct sa *
find_sa(enum sa_direction direction, unsigned tunnel, uint32_t spi)
{
	return sa_find(gw, direction, spi, direction == SA_OUT ? REMOTE(tunnel) : LOCAL);
}

/* As a worker would. */
static inline struct sa *
look_up(uint32_t spi)
{
	uint32_t destination = LOCAL;
	struct sa *found;

	sa_lookup(gw->sas, &spi, &destination, &found, 1);
	return found;
}
