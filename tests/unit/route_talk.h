/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Sessions of the ROUTE family over the small gateway, without sockets: messages as iproute2 sends
 * them go in, and what comes back is taken apart.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "event.h"
#include "listener.h"
#include "neighbor.h"
#include "netlink.h"
#include "nexthop.h"
#include "protocol.h"
#include "route.h"
#include "route_family.h"
#include "session.h"
#include "small_gateway.h"
#include "tunnel.h"

#define LAN 1 /* interface indexes */
#define WAN 2
#define CONN(n) (1000 + (n))
#define ADD (NLM_F_CREATE | NLM_F_EXCL)
#define REPLACE (NLM_F_CREATE | NLM_F_REPLACE)
#define APPEND (NLM_F_CREATE | NLM_F_APPEND)
#define CHANGE NLM_F_REPLACE

struct talker {
	struct session session;
	struct outbox outbox;
};

static struct session_context context;
static struct listener listener;
static struct gateway *gw;

static inline int
start(void **state)
{
	(void)state;
	small_eal_init();
	gw = small_gateway_create();
	context.gw = gw;
	listener.context = &context;
	route_family_listen(&listener);
	gw->listener = &listener;
	return 0;
}

static inline int
stop(void **state)
{
	(void)state;
	gw->listener = NULL;
	gateway_destroy(gw);
	return 0;
}

static inline void
talker_open(struct talker *talker, enum session_access access)
{
	*talker = (struct talker) { 0 };
	talker->session = (struct session) {
		.context = &context,
		.outbox = &talker->outbox,
		.access = access,
		.family = &route_family,
	};
}

static inline void
talker_close(struct talker *talker)
{
	session_close(&talker->session);
	outbox_clear(&talker->outbox);
}

/* The one that most tests talk to, opened and closed around each. */
static struct talker rw;

static inline int
open_talker(void **state)
{
	(void)state;
	talker_open(&rw, SESSION_READ_WRITE);
	return 0;
}

static inline int
close_talker(void **state)
{
	(void)state;
	talker_close(&rw);
	return 0;
}

/* --- saying --- */

static uint8_t request_bytes[SESSION_REQUEST_BYTES_MAX] __attribute__((aligned(4)));
static struct netlink_writer request = { .buffer = request_bytes, .room = sizeof(request_bytes) };

/* A request of an address family; attributes follow. */
static inline void
say(uint16_t type, uint16_t flags, const void *header, size_t bytes)
{
	netlink_begin(&request, type, NLM_F_REQUEST | flags, 77, 0);
	netlink_put(&request, header, bytes);
}

static inline void
say_route(uint16_t type, uint16_t flags, struct prefix prefix, uint8_t kind)
{
	const struct rtmsg header = {
		.rtm_family = AF_INET,
		.rtm_dst_len = prefix.bits,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = type == RTM_NEWROUTE ? RTPROT_BOOT : RTPROT_UNSPEC,
		.rtm_scope = type == RTM_NEWROUTE ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE,
		.rtm_type = kind,
	};

	say(type, flags | NLM_F_ACK, &header, sizeof(header));
	netlink_put_u32(&request, RTA_DST, htonl(prefix.address));
}

/* The gateway and interface that a route is said to have; 0: not given. */
static inline void
say_via(uint32_t gateway, uint32_t ifindex)
{
	if (gateway != 0)
		netlink_put_u32(&request, RTA_GATEWAY, htonl(gateway));
	if (ifindex != 0)
		netlink_put_u32(&request, RTA_OIF, ifindex);
}

/* About 192.168.50.44. */
static inline void
say_neighbor(uint16_t type, uint16_t flags, uint32_t ifindex, uint16_t neighbor_state)
{
	const struct ndmsg header = {
		.ndm_family = AF_INET, .ndm_ifindex = (int)ifindex, .ndm_state = neighbor_state
	};

	say(type, flags | NLM_F_ACK, &header, sizeof(header));
	netlink_put_u32(&request, NDA_DST, htonl(IP(192, 168, 50, 44)));
}

/* --- hearing --- */

#define ROWS_MAX 8192

struct heard {
	int error; /* errno of the last ack or end of a dump; -1: none came */
	unsigned acks;
	uint32_t sequence; /* of the last ack */
	char words[NETLINK_TEXT_BYTES];
	unsigned n; /* other messages */
	uint16_t types[ROWS_MAX];
	struct netlink_message last; /* in `bytes` */
	uint8_t bytes[8192];
};

static struct heard heard;

static inline void
hear(const struct netlink_message *message)
{
	struct netlink_refusal words;

	if (message->type == NLMSG_ERROR || message->type == NLMSG_DONE) {
		heard.error = netlink_status(message, &words);
		heard.acks++;
		heard.sequence = message->sequence;
		memcpy(heard.words, words.text, sizeof(words.text));
		assert_true(heard.error == 0 || words.text[0] != '\0');
		return;
	}
	assert_in_range(heard.n, 0, ROWS_MAX - 1);
	heard.types[heard.n++] = message->type;
	heard.last = *message;
	assert_in_range(message->body.bytes, 0, sizeof(heard.bytes));
	memcpy(heard.bytes, message->body.at, message->body.bytes);
	heard.last.body.at = heard.bytes;
}

/* Takes what waits. */
static inline void
listen_to(struct talker *talker)
{
	struct netlink_message message;
	struct netlink_span datagram;
	struct netlink_refusal why;
	int got;

	for (; (datagram.at = outbox_peek(&talker->outbox, &datagram.bytes)) != NULL;
		outbox_pop(&talker->outbox)) {
		assert_in_range(datagram.bytes, 1, 4096);
		while ((got = netlink_next_message(&datagram, &message, &why)) > 0)
			hear(&message);
		assert_int_equal(got, 0);
	}
}

static inline void
forget(void)
{
	heard.error = -1;
	heard.acks = heard.n = 0;
	heard.words[0] = '\0';
}

static inline int
deliver(struct talker *talker, const uint8_t *bytes, size_t n)
{
	forget();
	assert_int_equal(session_receive(&talker->session, bytes, n), SESSION_GOES_ON);
	listen_to(talker);
	while (session_dumping(&talker->session)) {
		assert_int_equal(session_continue(&talker->session), SESSION_GOES_ON);
		listen_to(talker);
	}
	return heard.error;
}

/* Ends a message, of which there may be several. */
static inline void
said(void)
{
	assert_int_equal(netlink_commit(&request), 0);
}

/* Sends all that was said: the errno that comes back last. */
static inline int
flush(struct talker *talker)
{
	size_t bytes = request.used;

	request.used = 0;
	return deliver(talker, request_bytes, bytes);
}

static inline int
ask(struct talker *talker)
{
	said();
	return flush(talker);
}

static inline void
assert_words(const char *words)
{
	if (strstr(heard.words, words) == NULL)
		fail_msg("expected '%s' in '%s'", words, heard.words);
}

/* A route with one way, or none. */
static inline int
set_route(struct talker *talker, uint16_t flags, struct prefix prefix, uint32_t gateway,
	uint32_t ifindex)
{
	say_route(RTM_NEWROUTE, flags, prefix, RTN_UNICAST);
	say_via(gateway, ifindex);
	return ask(talker);
}

static inline int
delete_route(struct talker *talker, struct prefix prefix, uint32_t gateway, uint32_t ifindex)
{
	say_route(RTM_DELROUTE, 0, prefix, RTN_UNSPEC);
	say_via(gateway, ifindex);
	return ask(talker);
}

/* Rounds of an owner. */
static inline int
begin_round(struct talker *talker, const char *name)
{
	netlink_begin(&request, ESPALIER_BEGIN, NLM_F_REQUEST | NLM_F_ACK, 77, 0);
	netlink_put_text(&request, ESPALIER_OWNER_NAME, name);
	return ask(talker);
}

static inline int
commit(struct talker *talker)
{
	netlink_begin(&request, ESPALIER_COMMIT, NLM_F_REQUEST | NLM_F_ACK, 77, 0);
	return ask(talker);
}

/* One round of an owner who wants nothing: what tests left goes. */
static inline void
sweep_all(struct talker *talker, const char *name)
{
	assert_int_equal(begin_round(talker, name), 0);
	assert_int_equal(commit(talker), 0);
}

/* One of many prefixes. */
static inline struct prefix
numbered(unsigned n)
{
	return (struct prefix) { IP(20, n >> 8, n & 0xff, 0), 24 };
}

static inline int
set_lan_neighbor(struct talker *talker, uint8_t last)
{
	const uint8_t mac[] = { 2, 0, 0, 0, 0, last };

	say_neighbor(RTM_NEWNEIGH, REPLACE, LAN, NUD_PERMANENT);
	netlink_put_attribute(&request, NDA_LLADDR, mac, sizeof(mac));
	return ask(talker);
}

/* --- looking into the tables --- */

static inline bool
neighbor_is_there(void)
{
	const struct neighbor *neighbor = neighbor_lookup(gw->neighbors, 0, IP(192, 168, 50, 44));

	return neighbor != NULL && neighbor_read(neighbor) != 0;
}

static inline bool
exists(struct prefix prefix)
{
	return route_find(gw, ROUTE_TABLE_MAIN, prefix) != NULL;
}

/* The ways of exactly that prefix; 0: it has no route. */
static inline unsigned
ways_of(struct prefix prefix, struct nexthop_spec ways[GROUP_MEMBERS_MAX])
{
	const struct route *route = route_find(gw, ROUTE_TABLE_MAIN, prefix);

	return route == NULL ? 0 : nexthop_specs(gw, route->nexthop, ways);
}

/* Everything that messages can change, in one number. */
static inline uint64_t
digest(void)
{
	uint64_t sum = 0;
	const struct neighbor *neighbor;
	const struct route *route;

	for (uint32_t cursor = 0; (route = route_next(gw, &cursor)) != NULL;) {
		uint64_t name = (uint64_t)route->prefix.bits << 32 | route->prefix.address;

		sum += (name * 31 + route->nexthop * 7 + route->protocol) * UINT64_C(0x9e3779b1);
	}
	for (uint32_t cursor = 0; (neighbor = neighbor_next(gw->neighbors, &cursor)) != NULL;)
		sum += (neighbor->address * UINT64_C(31) + neighbor->mac) * UINT64_C(0x85ebca6b);
	return sum;
}
