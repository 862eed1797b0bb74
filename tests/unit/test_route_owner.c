/* SPDX-License-Identifier: BSD-3-Clause */

/* Owners and their rounds: what is said again stays, what is not goes with the COMMIT. */

#include "route_talk.h"

static struct talker other, ear;

static const struct prefix net = { IP(10, 1, 0, 0), 16 };
static const struct prefix configured = { IP(172, 16, 0, 0), 12 };

static int
open_talkers(void **state)
{
	(void)state;
	talker_open(&rw, SESSION_READ_WRITE);
	talker_open(&other, SESSION_READ_WRITE);
	talker_open(&ear, SESSION_READ_ONLY);
	event_join(&ear.session, RTNLGRP_IPV4_ROUTE);
	event_join(&ear.session, RTNLGRP_NEIGH);
	return 0;
}

static int
close_talkers(void **state)
{
	(void)state;
	talker_close(&rw);
	talker_close(&other);
	talker_close(&ear);
	return 0;
}

/* Events that waited for `ear`. */
static unsigned
events(void)
{
	forget();
	listen_to(&ear);
	return heard.n;
}

static uint32_t
look_up(uint32_t address)
{
	uint64_t found;

	route_lookup(gw->routes, &address, &found, 1);
	return (uint32_t)found;
}

static void
what_is_not_said_again_goes(void **state)
{
	(void)state;
	uint64_t before = digest();
	assert_int_equal(begin_round(&rw, "kernel"), 0);
	for (unsigned n = 0; n < 3; n++)
		assert_int_equal(set_route(&rw, REPLACE, numbered(n), 0, CONN(1)), 0);
	assert_int_equal(commit(&rw), 0);
	/* Later ones are owned too. */
	assert_int_equal(set_route(&rw, ADD, numbered(3), 0, CONN(1)), 0);
	assert_int_equal(set_lan_neighbor(&rw, 1), 0);
	uint64_t full = digest();

	assert_int_equal(begin_round(&rw, "kernel"), 0);
	assert_int_equal(digest(), full); /* marked, and that is all */
	assert_int_equal(look_up(IP(20, 0, 3, 9)), look_up(IP(20, 0, 1, 9)));
	assert_int_equal(set_route(&rw, REPLACE, numbered(1), 0, CONN(1)), 0);
	assert_int_equal(digest(), full);
	events();
	assert_int_equal(commit(&rw), 0);
	assert_false(exists(numbered(0)));
	assert_true(exists(numbered(1)));
	assert_false(exists(numbered(2)));
	assert_false(exists(numbered(3)));
	assert_false(neighbor_is_there());
	assert_int_equal(look_up(IP(20, 0, 0, 9)), NEXTHOP_NONE);
	assert_int_equal(events(), 4); /* three routes, one neighbor */
	assert_int_equal(heard.types[0], RTM_DELROUTE);
	assert_int_equal(heard.types[3], RTM_DELNEIGH);
	assert_int_equal(heard.last.sequence, 77);
	sweep_all(&rw, "kernel");
	assert_int_equal(digest(), before);
}

/* Set as it is: no event, nothing written for workers, no grace period waited for. */
static void
saying_it_again_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(begin_round(&rw, "kernel"), 0);
	assert_int_equal(set_route(&rw, REPLACE, net, 0, CONN(1)), 0);
	assert_int_equal(set_lan_neighbor(&rw, 1), 0);
	assert_int_equal(commit(&rw), 0);
	uint64_t full = digest();
	uint64_t written = route_turns(gw);

	assert_int_equal(begin_round(&rw, "kernel"), 0);
	events();
	assert_int_equal(set_route(&rw, REPLACE, net, 0, CONN(1)), 0);
	assert_int_equal(set_route(&rw, ADD, net, 0, CONN(1)), EEXIST); /* said once, it is there */
	assert_int_equal(set_lan_neighbor(&rw, 1), 0);
	assert_int_equal(commit(&rw), 0);
	assert_int_equal(events(), 0);
	assert_int_equal(route_turns(gw), written);
	assert_int_equal(digest(), full);

	/* A change is one. */
	assert_int_equal(begin_round(&rw, "kernel"), 0);
	assert_int_equal(set_route(&rw, REPLACE, net, 0, CONN(2)), 0);
	assert_int_equal(set_lan_neighbor(&rw, 2), 0);
	assert_int_equal(events(), 2);
	assert_int_equal(route_turns(gw), written + 1);
	sweep_all(&rw, "kernel");
	assert_int_equal(route_turns(gw), written + 2);
}

/* To its owner, what it has not said yet in this round is not there; it may be changed, though, and
 * is there to be deleted. */
static void
old_ones_do_not_stand_in_the_way(void **state)
{
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];

	(void)state;
	assert_int_equal(begin_round(&rw, "kernel"), 0);
	assert_int_equal(set_route(&rw, ADD, net, 0, CONN(1)), 0);
	assert_int_equal(set_route(&rw, ADD, numbered(1), 0, CONN(1)), 0);
	assert_int_equal(begin_round(&rw, "kernel"), 0);
	assert_int_equal(set_route(&other, ADD, net, 0, CONN(1)), EEXIST);
	assert_int_equal(set_route(&rw, CHANGE, numbered(1), 0, CONN(2)), 0);
	assert_int_equal(set_route(&rw, ADD, net, 0, CONN(2)), 0);
	assert_int_equal(ways_of(net, ways), 1);
	assert_int_equal(ways[0].tunnel, 1);
	assert_int_equal(begin_round(&rw, "kernel"), 0);
	assert_int_equal(set_route(&rw, APPEND, net, 0, CONN(3)), 0);
	assert_int_equal(ways_of(net, ways), 1);
	assert_int_equal(set_route(&rw, APPEND, net, 0, CONN(1)), 0);
	assert_int_equal(ways_of(net, ways), 2);
	assert_int_equal(delete_route(&rw, numbered(1), 0, 0), 0);
	sweep_all(&rw, "kernel");
}

/* A route belongs to who set it last; deleting is for its owner, or for those who are none. */
static void
last_one_owns_it(void **state)
{
	(void)state;
	assert_int_equal(begin_round(&rw, "kernel"), 0);
	assert_int_equal(begin_round(&other, "fpm"), 0);
	for (unsigned n = 0; n < 3; n++)
		assert_int_equal(set_route(&rw, ADD, numbered(n), 0, CONN(1)), 0);
	assert_int_equal(set_route(&other, ADD, numbered(1), 0, CONN(2)), EEXIST);
	assert_int_equal(set_route(&other, REPLACE, numbered(1), 0, CONN(1)), 0);
	assert_int_equal(delete_route(&rw, numbered(1), 0, 0), ESRCH);
	assert_words("not one that this connection's owner has set");
	assert_int_equal(set_route(&ear, REPLACE, numbered(2), 0, CONN(1)), EPERM);
	owner_leave(&other.session); /* as one that knows nothing of owners */
	assert_int_equal(set_route(&other, REPLACE, numbered(2), 0, CONN(1)), 0);
	sweep_all(&rw, "kernel");
	assert_false(exists(numbered(0)));
	assert_true(exists(numbered(1)));
	assert_true(exists(numbered(2)));
	sweep_all(&other, "fpm");
	assert_false(exists(numbered(1)));
	assert_true(exists(numbered(2)));
	owner_leave(&other.session);
	assert_int_equal(delete_route(&other, numbered(2), 0, 0), 0);
}

/* What the configuration has set is nobody's to replace, sweep or delete in an owner's name. */
static void
configuration_is_left_alone(void **state)
{
	const struct prefix lan = { IP(192, 168, 50, 0), 24 };
	const struct prefix address = { IP(192, 168, 50, 1), 32 };
	uint64_t before = digest();

	(void)state;
	assert_int_equal(begin_round(&rw, "kernel"), 0);
	assert_int_equal(set_route(&rw, REPLACE, configured, 0, CONN(3)), 0); /* as it is */
	assert_int_equal(set_route(&rw, ADD, lan, 0, LAN), 0);
	assert_int_equal(set_route(&rw, REPLACE, configured, 0, CONN(1)), EEXIST);
	assert_words("172.16.0.0/12 is the configuration file's");
	assert_int_equal(set_route(&rw, REPLACE, address, 0, CONN(1)), EEXIST);
	assert_int_equal(delete_route(&rw, configured, 0, 0), ESRCH);
	sweep_all(&rw, "kernel");
	assert_int_equal(digest(), before);

	const struct ndmsg header = {
		.ndm_family = AF_INET, .ndm_ifindex = WAN, .ndm_state = NUD_REACHABLE
	};
	assert_int_equal(begin_round(&rw, "kernel"), 0);
	for (uint8_t last = 3; last < 5; last++) {
		const uint8_t mac[] = { 2, 0, 0, 0, 0, last };

		say(RTM_NEWNEIGH, REPLACE | NLM_F_ACK, &header, sizeof(header));
		netlink_put_u32(&request, NDA_DST, htonl(IP(203, 0, 113, 1)));
		netlink_put_attribute(&request, NDA_LLADDR, mac, sizeof(mac));
		assert_int_equal(ask(&rw), last == 3 ? 0 : EEXIST);
	}
	sweep_all(&rw, "kernel");
	assert_int_equal(digest(), before);
}

static void
second_speaker_takes_over(void **state)
{
	(void)state;
	assert_int_equal(begin_round(&rw, "fpm"), 0);
	assert_int_equal(set_route(&rw, ADD, net, 0, CONN(1)), 0);
	assert_int_equal(begin_round(&other, "fpm"), 0);
	assert_int_equal(set_route(&rw, ADD, numbered(1), 0, CONN(1)), ESTALE);
	assert_words("another connection speaks for owner 'fpm'");
	assert_int_equal(delete_route(&rw, net, 0, 0), ESTALE);
	assert_int_equal(set_lan_neighbor(&rw, 1), ESTALE);
	assert_int_equal(commit(&rw), ESTALE);
	assert_true(exists(net));
	assert_int_equal(commit(&other), 0);
	assert_false(exists(net));
	/* It may take it back. */
	assert_int_equal(begin_round(&rw, "fpm"), 0);
	assert_int_equal(commit(&other), ESTALE);
	assert_int_equal(commit(&rw), 0);
}

/* Who goes takes nothing along; the next one starts over. */
static void
connection_lost_sweeps_nothing(void **state)
{
	(void)state;
	sweep_all(&rw, "kernel");
	assert_int_equal(set_route(&rw, ADD, net, 0, CONN(1)), 0);
	assert_int_equal(set_route(&rw, ADD, numbered(1), 0, CONN(1)), 0);
	assert_int_equal(begin_round(&rw, "kernel"), 0);
	assert_int_equal(set_route(&rw, REPLACE, net, 0, CONN(1)), 0);
	talker_close(&rw);
	assert_true(exists(numbered(1)));
	talker_open(&rw, SESSION_READ_WRITE);
	assert_int_equal(commit(&rw), EINVAL);
	assert_true(exists(numbered(1)));
	assert_int_equal(begin_round(&rw, "kernel"), 0);
	assert_int_equal(set_route(&rw, REPLACE, numbered(1), 0, CONN(1)), 0);
	assert_int_equal(commit(&rw), 0);
	assert_false(exists(net)); /* said in the round that was lost, not in this one */
	assert_true(exists(numbered(1)));
	sweep_all(&rw, "kernel");
}

/* In datagrams of many messages. */
static void
set_many(unsigned from, unsigned to, unsigned step)
{
	for (unsigned n = from; n < to; n += step) {
		say_route(RTM_NEWROUTE, REPLACE, numbered(n), RTN_UNICAST);
		say_via(0, CONN(1));
		said();
		if (n % 500 == 499 || n + step >= to)
			assert_int_equal(flush(&rw), 0);
	}
}

/* Several batches' worth, begun, said and swept in datagrams of many messages. */
static void
many_are_swept(void **state)
{
	const unsigned many = 5000;

	(void)state;
	assert_int_equal(begin_round(&rw, "kernel"), 0);
	for (unsigned round = 0; round < 2; round++) {
		set_many(round, many, 1 + round);
		assert_int_equal(commit(&rw), 0);
		for (unsigned n = 0; n < many; n++)
			assert_int_equal(exists(numbered(n)), round == 0 || n % 2 == 1);
		assert_int_equal(begin_round(&rw, "kernel"), 0);
	}
	assert_int_equal(commit(&rw), 0);
	assert_false(exists(numbered(1)));
}

/* A long sweep leaves room for others, who may even take the owner over: then it stops. */
static void
sweep_goes_step_by_step(void **state)
{
	const unsigned many = 3 * ROUTE_BATCH_MAX;
	unsigned left = 0;

	(void)state;
	assert_int_equal(begin_round(&rw, "kernel"), 0);
	set_many(0, many, 1);
	assert_int_equal(begin_round(&rw, "kernel"), 0);
	netlink_begin(&request, ESPALIER_COMMIT, NLM_F_REQUEST | NLM_F_ACK, 77, 0);
	said();
	netlink_begin(&request, ESPALIER_BEGIN, NLM_F_REQUEST | NLM_F_ACK, 78, 0);
	netlink_put_text(&request, ESPALIER_OWNER_NAME, "kernel");
	said();
	forget();
	session_receive(&rw.session, request_bytes, request.used);
	request.used = 0;
	listen_to(&rw);
	assert_int_equal(heard.error, EBUSY); /* BEGIN would make everything old */
	assert_true(session_dumping(&rw.session));
	assert_int_equal(session_continue(&rw.session), SESSION_GOES_ON);
	for (unsigned n = 0; n < many; n++)
		left += exists(numbered(n));
	assert_in_range(left, 1, many - 2 * ROUTE_BATCH_MAX);
	assert_int_equal(begin_round(&other, "kernel"), 0);
	while (session_dumping(&rw.session))
		assert_int_equal(session_continue(&rw.session), SESSION_GOES_ON);
	forget();
	listen_to(&rw);
	assert_int_equal(heard.error, ESTALE);
	for (unsigned n = 0; n < many; n++)
		left -= exists(numbered(n));
	assert_int_equal(left, 0);
	assert_int_equal(commit(&other), 0);
	assert_false(exists(numbered(many - 1)));
}

static void
nonsense_is_refused_in_words(void **state)
{
	(void)state;
	assert_int_equal(commit(&rw), EINVAL);
	assert_words("COMMIT without BEGIN");
	assert_int_equal(begin_round(&rw, ""), EINVAL);
	assert_int_equal(begin_round(&rw, "Kernel"), EINVAL);
	assert_words("a to z");
	assert_int_equal(begin_round(&rw, "configuration"), EINVAL);
	assert_int_equal(begin_round(&rw, "abcdefghijklmnopqrstuvwxyz-01234"), EINVAL);
	assert_int_equal(begin_round(&ear, "kernel"), EPERM);
	assert_int_equal(commit(&ear), EPERM);
	netlink_begin(&request, ESPALIER_BEGIN, NLM_F_REQUEST | NLM_F_ACK, 77, 0);
	assert_int_equal(ask(&rw), EINVAL);
	assert_words("'owner name' is missing");
	assert_int_equal(begin_round(&rw, "kernel"), 0);
	assert_int_equal(commit(&rw), 0);
	assert_int_equal(commit(&rw), EINVAL); /* the round has ended */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_talkers, close_talkers)
		TEST(what_is_not_said_again_goes),
		TEST(saying_it_again_changes_nothing),
		TEST(old_ones_do_not_stand_in_the_way),
		TEST(last_one_owns_it),
		TEST(configuration_is_left_alone),
		TEST(second_speaker_takes_over),
		TEST(connection_lost_sweeps_nothing),
		TEST(many_are_swept),
		TEST(sweep_goes_step_by_step),
		TEST(nonsense_is_refused_in_words),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
