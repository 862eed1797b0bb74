/* SPDX-License-Identifier: BSD-3-Clause */

/* Ways that were appended to a route are routes of their own in an IPv4 kernel: each can be taken
 * away again alone. */

#include "route_talk.h"

static const struct prefix net = { IP(10, 1, 0, 0), 16 };

/* The only way that is left leads into that tunnel. */
static void
assert_only(unsigned tunnel)
{
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];

	assert_int_equal(ways_of(net, ways), 1);
	assert_int_equal(ways[0].kind, NEXTHOP_TUNNEL);
	assert_int_equal(ways[0].tunnel, tunnel - 1);
}

static void
who_appends_can_undo_it(void **state)
{
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];

	(void)state;
	assert_int_equal(set_route(&rw, ADD, net, 0, CONN(1)), 0);
	assert_int_equal(set_route(&rw, APPEND, net, 0, CONN(2)), 0);
	assert_int_equal(set_route(&rw, APPEND, net, IP(192, 168, 50, 2), 0), 0);
	assert_int_equal(delete_route(&rw, net, 0, CONN(3)), ESRCH);
	assert_int_equal(delete_route(&rw, net, 0, CONN(2)), 0);
	assert_int_equal(delete_route(&rw, net, 0, CONN(2)), ESRCH);
	assert_int_equal(ways_of(net, ways), 2);
	/* As iproute2 names it: the gateway alone. */
	assert_int_equal(delete_route(&rw, net, IP(192, 168, 50, 2), 0), 0);
	assert_only(1);
	assert_int_equal(delete_route(&rw, net, 0, CONN(1)), 0);
	assert_false(exists(net));
}

/* Without a way, or with all of them, it is the whole. */
static void
the_whole_goes_as_before(void **state)
{
	(void)state;
	assert_int_equal(set_route(&rw, ADD, net, 0, CONN(1)), 0);
	assert_int_equal(set_route(&rw, APPEND, net, 0, CONN(2)), 0);
	assert_int_equal(delete_route(&rw, net, 0, 0), 0);
	assert_false(exists(net));

	/* Replaced, it is a route of one message again. */
	const struct rtnexthop hops[] = {
		{ .rtnh_len = 8, .rtnh_ifindex = CONN(1) },
		{ .rtnh_len = 8, .rtnh_ifindex = CONN(2) },
	};
	assert_int_equal(set_route(&rw, ADD, net, 0, CONN(1)), 0);
	assert_int_equal(set_route(&rw, APPEND, net, 0, CONN(2)), 0);
	say_route(RTM_NEWROUTE, REPLACE, net, RTN_UNICAST);
	netlink_put_attribute(&request, RTA_MULTIPATH, hops, sizeof(hops));
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(delete_route(&rw, net, 0, CONN(2)), 0);
	assert_false(exists(net));
}

static void
listeners_hear_what_is_left(void **state)
{
	struct talker ear;

	(void)state;
	talker_open(&ear, SESSION_READ_ONLY);
	event_join(&ear.session, RTNLGRP_IPV4_ROUTE);
	assert_int_equal(set_route(&rw, ADD, net, 0, CONN(1)), 0);
	assert_int_equal(set_route(&rw, APPEND, net, 0, CONN(2)), 0);
	forget();
	listen_to(&ear);
	assert_int_equal(delete_route(&rw, net, 0, CONN(1)), 0);
	forget();
	listen_to(&ear);
	assert_int_equal(heard.n, 1);
	assert_int_equal(heard.last.type, RTM_NEWROUTE);
	assert_true((heard.last.flags & NLM_F_REPLACE) != 0);
	assert_int_equal(delete_route(&rw, net, 0, CONN(2)), 0);
	forget();
	listen_to(&ear);
	assert_int_equal(heard.last.type, RTM_DELROUTE);
	talker_close(&ear);
}

/* In one datagram, too: each message finds what those before it leave. */
static void
a_datagram_appends_and_undoes(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 3; n++) {
		say_route(RTM_NEWROUTE, APPEND, net, RTN_UNICAST);
		say_via(0, CONN(n));
		said();
	}
	for (unsigned n = 1; n <= 2; n++) {
		say_route(RTM_DELROUTE, 0, net, RTN_UNSPEC);
		say_via(0, CONN(n));
		said();
	}
	assert_int_equal(flush(&rw), 0);
	assert_int_equal(heard.acks, 5);
	assert_only(3);
	assert_int_equal(delete_route(&rw, net, 0, CONN(3)), 0);
}

/* Whose it is does not change with a way that goes: who may take it, and which COMMIT does. */
static void
the_rest_is_whose_it_was(void **state)
{
	struct talker other;

	(void)state;
	talker_open(&other, SESSION_READ_WRITE);
	assert_int_equal(begin_round(&rw, "kernel"), 0);
	assert_int_equal(begin_round(&other, "bgp"), 0);
	assert_int_equal(set_route(&rw, REPLACE, net, 0, CONN(1)), 0);
	assert_int_equal(set_route(&rw, APPEND, net, 0, CONN(2)), 0);
	assert_int_equal(delete_route(&other, net, 0, CONN(2)), ESRCH);
	assert_words("not one that this connection's owner has set");
	assert_int_equal(delete_route(&rw, net, 0, CONN(2)), 0);
	assert_int_equal(commit(&rw), 0);
	assert_only(1);

	/* A way that goes does not make the rest new. */
	assert_int_equal(set_route(&rw, APPEND, net, 0, CONN(3)), 0);
	assert_int_equal(begin_round(&rw, "kernel"), 0);
	assert_int_equal(delete_route(&rw, net, 0, CONN(1)), 0);
	assert_only(3);
	assert_int_equal(commit(&rw), 0);
	assert_false(exists(net));
	talker_close(&other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_talker, close_talker)
		TEST(who_appends_can_undo_it),
		TEST(the_whole_goes_as_before),
		TEST(listeners_hear_what_is_left),
		TEST(a_datagram_appends_and_undoes),
		TEST(the_rest_is_whose_it_was),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
