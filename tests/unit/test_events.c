/* SPDX-License-Identifier: BSD-3-Clause */

/* Events to groups: who gets them, in which order, and what becomes of a reader that is slow. */

#include "route_talk.h"

#define GROUP_FROM_NOWHERE 40
#define FAST 0
#define SLOW 1

static int
join(struct talker *talker, uint32_t group, uint32_t how)
{
	const struct espalier_group body = { group, how };

	netlink_begin(&request, ESPALIER_GROUP, NLM_F_REQUEST | NLM_F_ACK, 1, 0);
	netlink_put(&request, &body, sizeof(body));
	return ask(talker);
}

static void
groups_are_joined_and_left(void **state)
{
	struct talker talker;

	(void)state;
	talker_open(&talker, SESSION_READ_ONLY);
	assert_false(event_wanted(&context, ESPALIER_FAMILY_ROUTE, RTNLGRP_IPV4_ROUTE));
	assert_int_equal(join(&talker, RTNLGRP_IPV4_ROUTE, 1), 0);
	assert_int_equal(join(&talker, RTNLGRP_IPV4_ROUTE, 1), 0);
	assert_int_equal(join(&talker, RTNLGRP_NEIGH, 1), 0);
	assert_true(event_wanted(&context, ESPALIER_FAMILY_ROUTE, RTNLGRP_IPV4_ROUTE));
	assert_false(event_wanted(&context, ESPALIER_FAMILY_XFRM, RTNLGRP_IPV4_ROUTE));
	assert_false(event_wanted(&context, ESPALIER_FAMILY_ROUTE, RTNLGRP_LINK));
	assert_int_equal(join(&talker, RTNLGRP_IPV4_ROUTE, 0), 0);
	assert_int_equal(join(&talker, RTNLGRP_IPV4_ROUTE, 0), 0);
	assert_false(event_wanted(&context, ESPALIER_FAMILY_ROUTE, RTNLGRP_IPV4_ROUTE));
	assert_true(event_wanted(&context, ESPALIER_FAMILY_ROUTE, RTNLGRP_NEIGH));

	assert_int_equal(join(&talker, 0, 1), EOPNOTSUPP);
	assert_int_equal(join(&talker, GROUP_FROM_NOWHERE, 1), EOPNOTSUPP);
	assert_words("no multicast group 40");
	assert_int_equal(join(&talker, RTNLGRP_NEIGH, 2), EINVAL);
	talker_close(&talker);
	assert_false(event_wanted(&context, ESPALIER_FAMILY_ROUTE, RTNLGRP_NEIGH));
	assert_null(context.listening);
}

static void
route_changes_are_told(void **state)
{
	struct talker writer, reader, other;
	struct prefix prefix = numbered(1);

	(void)state;
	talker_open(&writer, SESSION_READ_WRITE);
	talker_open(&reader, SESSION_READ_ONLY);
	talker_open(&other, SESSION_READ_ONLY);
	join(&reader, RTNLGRP_IPV4_ROUTE, 1);
	join(&other, RTNLGRP_NEIGH, 1);

	assert_int_equal(set_route(&writer, ADD, prefix, 0, CONN(1)), 0);
	forget();
	listen_to(&reader);
	assert_int_equal(heard.n, 1);
	assert_int_equal(heard.last.type, RTM_NEWROUTE);
	assert_int_equal(heard.last.flags, NLM_F_CREATE);
	assert_int_equal(heard.last.sequence, 77);
	assert_int_equal(heard.last.pid, 0);

	assert_int_equal(set_route(&writer, REPLACE, prefix, 0, CONN(2)), 0);
	forget();
	listen_to(&reader);
	assert_int_equal(heard.last.flags, NLM_F_REPLACE);

	/* A change that no message asked for, such as that of the configuration. */
	struct route_change change = { .op = ROUTE_DELETE,
		.route = { .prefix = prefix, .table = ROUTE_TABLE_MAIN } };
	assert_int_equal(route_apply(gw, &change, 1), 0);
	forget();
	listen_to(&reader);
	assert_int_equal(heard.n, 1);
	assert_int_equal(heard.last.type, RTM_DELROUTE);
	assert_int_equal(heard.last.sequence, 0);
	/* It says which way the route went. */
	struct rtmsg body;
	struct netlink_span rest = heard.last.body;
	assert_true(netlink_take(&rest, &body, sizeof(body)));
	assert_int_equal(body.rtm_protocol, RTPROT_BOOT);
	assert_int_equal(body.rtm_dst_len, 24);

	/* What changes nothing is no news, nor is a refusal. */
	assert_int_equal(delete_route(&writer, prefix, 0, 0), ESRCH);
	assert_true(outbox_empty(&reader.outbox));
	assert_true(outbox_empty(&other.outbox));
	talker_close(&writer);
	talker_close(&reader);
	talker_close(&other);
}

static void
neighbors_and_tunnels_are_told(void **state)
{
	struct neighbor *neighbor = neighbor_get(gw->neighbors, 0, IP(192, 168, 50, 77));
	const struct rte_ether_addr mac = { { 2, 0, 0, 0, 0, 77 } };
	struct talker reader;

	(void)state;
	talker_open(&reader, SESSION_READ_ONLY);
	join(&reader, RTNLGRP_NEIGH, 1);
	join(&reader, RTNLGRP_LINK, 1);
	assert_true(neighbor_learn(neighbor, &mac));
	tunnel_refresh_via(gw, neighbor);
	forget();
	listen_to(&reader);
	assert_int_equal(heard.n, 1);
	assert_int_equal(heard.types[0], RTM_NEWNEIGH);
	neighbor_set(neighbor, NULL);
	tunnel_refresh_via(gw, neighbor);
	gw->tunnels[0].held_down = true;
	tunnel_refresh(gw, &gw->tunnels[0]);
	gw->tunnels[0].held_down = false;
	tunnel_refresh(gw, &gw->tunnels[0]);
	forget();
	listen_to(&reader);
	assert_int_equal(heard.n, 3);
	assert_int_equal(heard.types[0], RTM_DELNEIGH);
	assert_int_equal(heard.types[1], RTM_NEWLINK);
	assert_int_equal(heard.types[2], RTM_NEWLINK);
	talker_close(&reader);
}

/* One that does not read is told once that it missed something, and then nothing. */
static void
slow_reader_is_overrun_and_others_hear_all(void **state)
{
	struct talker writer, readers[2];
	unsigned told = 0, sent = 0, overruns = 0;

	(void)state;
	talker_open(&writer, SESSION_READ_WRITE);
	for (unsigned i = 0; i < ARRAY_LEN(readers); i++) {
		talker_open(&readers[i], SESSION_READ_ONLY);
		join(&readers[i], RTNLGRP_IPV4_ROUTE, 1);
	}
	for (; sent < 12000; sent++) {
		struct prefix prefix = numbered(sent / 2 % 4000);

		if (sent % 2 == 0)
			assert_int_equal(set_route(&writer, ADD, prefix, 0, CONN(3)), 0);
		else
			assert_int_equal(delete_route(&writer, prefix, 0, 0), 0);
		forget();
		listen_to(&readers[FAST]);
		told += heard.n;
	}
	assert_int_equal(told, sent);
	assert_in_range(readers[SLOW].outbox.bytes, EVENT_WAITING_BYTES_MAX / 2,
		EVENT_WAITING_BYTES_MAX + 256);
	forget();
	listen_to(&readers[SLOW]);
	assert_in_range(heard.n, 1000, sent - 1);
	for (unsigned i = 0; i < heard.n; i++)
		overruns += heard.types[i] == NLMSG_OVERRUN;
	assert_int_equal(overruns, 1);
	assert_int_equal(heard.types[heard.n - 1], NLMSG_OVERRUN);
	assert_true(outbox_empty(&readers[SLOW].outbox));

	/* Having taken all, it hears again. */
	set_route(&writer, ADD, numbered(1), 0, CONN(3));
	delete_route(&writer, numbered(1), 0, 0);
	forget();
	listen_to(&readers[SLOW]);
	assert_int_equal(heard.n, 2);
	talker_close(&writer);
	talker_close(&readers[FAST]);
	talker_close(&readers[SLOW]);
}

static unsigned stirs;

static void
count_stir(struct session *session)
{
	(void)session;
	stirs++;
}

/* Whoever empties the outbox is told when there is something in it, not of each. */
static void
owner_is_stirred_once(void **state)
{
	const uint32_t message[] = { 16, 0, 0, 0 };
	struct talker reader;

	(void)state;
	talker_open(&reader, SESSION_READ_ONLY);
	join(&reader, RTNLGRP_LINK, 1);
	reader.session.stir = count_stir;
	for (unsigned i = 0; i < 10; i++)
		event_send(&context, ESPALIER_FAMILY_ROUTE, RTNLGRP_LINK, message, sizeof(message));
	assert_int_equal(stirs, 1);
	outbox_clear(&reader.outbox);
	event_send(&context, ESPALIER_FAMILY_ROUTE, RTNLGRP_LINK, message, sizeof(message));
	assert_int_equal(stirs, 2);
	talker_close(&reader);
}

/* Of changes that a session makes itself it hears before the answer. */
static void
own_changes_come_before_the_ack(void **state)
{
	struct talker talker;
	struct netlink_message message;
	struct netlink_refusal why;
	struct netlink_span datagram;

	(void)state;
	talker_open(&talker, SESSION_READ_WRITE);
	join(&talker, RTNLGRP_IPV4_ROUTE, 1);
	say_route(RTM_NEWROUTE, ADD, numbered(9), RTN_BLACKHOLE);
	said();
	session_receive(&talker.session, request_bytes, request.used);
	request.used = 0;
	datagram.at = outbox_peek(&talker.outbox, &datagram.bytes);
	assert_int_equal(netlink_next_message(&datagram, &message, &why), 1);
	assert_int_equal(message.type, RTM_NEWROUTE);
	forget();
	listen_to(&talker);
	assert_int_equal(heard.error, 0);
	assert_int_equal(delete_route(&talker, numbered(9), 0, 0), 0);
	talker_close(&talker);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_are_joined_and_left),
		cmocka_unit_test(route_changes_are_told),
		cmocka_unit_test(neighbors_and_tunnels_are_told),
		cmocka_unit_test(slow_reader_is_overrun_and_others_hear_all),
		cmocka_unit_test(owner_is_stirred_once),
		cmocka_unit_test(own_changes_come_before_the_ack),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
