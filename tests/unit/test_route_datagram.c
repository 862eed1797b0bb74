/* SPDX-License-Identifier: BSD-3-Clause */

/* Datagrams of family ROUTE: many messages in one, who may send them, and nonsense. */

#include "dice.h"
#include "route_talk.h"

static const struct prefix net = { IP(10, 1, 0, 0), 16 };

/* Answers come in order, refusals between acks; each is judged by what those before it did. */
static void
datagram_is_judged_in_order(void **state)
{
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];

	(void)state;
	say_route(RTM_NEWROUTE, ADD, net, RTN_UNICAST);
	say_via(0, CONN(1));
	said();
	say_route(RTM_NEWROUTE, CHANGE, net, RTN_UNICAST); /* sees the one before */
	say_via(0, CONN(2));
	said();
	say_route(RTM_NEWROUTE, ADD, net, RTN_UNICAST); /* EEXIST */
	say_via(0, CONN(3));
	said();
	say_route(RTM_DELROUTE, 0, net, RTN_UNSPEC);
	said();
	say_route(RTM_DELROUTE, 0, net, RTN_UNSPEC); /* ESRCH */
	said();
	say_route(RTM_NEWROUTE, ADD, net, RTN_UNICAST);
	say_via(0, CONN(3));
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(heard.acks, 6);
	assert_int_equal(ways_of(net, ways), 1);
	assert_int_equal(ways[0].tunnel, 2);
	assert_int_equal(delete_route(&rw, net, 0, 0), 0);
}

/* What is of no family waits for those in front of it, too. */
static void
no_answer_overtakes_another(void **state)
{
	(void)state;
	say_route(RTM_NEWROUTE, ADD, net, RTN_UNICAST);
	say_via(0, CONN(1));
	said();
	netlink_begin(&request, NLMSG_NOOP, NLM_F_ACK, 78, 0);
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(heard.acks, 2);
	assert_int_equal(heard.sequence, 78);
	assert_int_equal(delete_route(&rw, net, 0, 0), 0);
}

/* A gateway without interface lies where the messages before put it. */
static void
gateway_is_resolved_in_order(void **state)
{
	const uint32_t far = IP(9, 9, 9, 9);
	const struct prefix around = { IP(9, 9, 9, 0), 24 };
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];

	(void)state;
	assert_int_equal(set_route(&rw, ADD, net, far, 0), ENETUNREACH);
	say_route(RTM_NEWROUTE, ADD, around, RTN_UNICAST);
	say_via(0, CONN(2));
	said();
	say_route(RTM_NEWROUTE, ADD, net, RTN_UNICAST);
	say_via(far, 0);
	said();
	assert_int_equal(flush(&rw), 0);
	assert_int_equal(ways_of(net, ways), 1);
	assert_int_equal(ways[0].tunnel, 1);
	/* And no longer where they took it away. */
	say_route(RTM_DELROUTE, 0, around, RTN_UNSPEC);
	said();
	say_route(RTM_NEWROUTE, REPLACE, net, RTN_UNICAST);
	say_via(far, 0);
	said();
	assert_int_equal(flush(&rw), ENETUNREACH);
	assert_int_equal(delete_route(&rw, net, 0, 0), 0);
}

/* More than a batch holds, each is answered, and the last of them counts. Without attributes
 * messages are short enough; the default route that they mean fills its millions of entries only
 * once. */
static void
longest_datagram_is_taken(void **state)
{
	const struct rtmsg header = {
		.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_BLACKHOLE
	};
	uint64_t before = digest();
	unsigned n = 0;

	(void)state;
	for (; request.used + 64 < SESSION_REQUEST_BYTES_MAX; n++) {
		say(RTM_NEWROUTE, REPLACE | NLM_F_ACK, &header, sizeof(header));
		said();
	}
	assert_in_range(n, ROUTE_BATCH_MAX + 1, 2000);
	say(RTM_DELROUTE, NLM_F_ACK, &header, sizeof(header));
	said();
	assert_int_equal(flush(&rw), 0);
	assert_int_equal(heard.acks, n + 1);
	assert_int_equal(digest(), before);
}

/* The answers of a full batch find no room in front of a last message that wants none. */
static void
session_without_answers_is_over(void **state)
{
	static const uint8_t filler[OUTBOX_BYTES_MAX - 100];
	const struct rtmsg header = {
		.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_BLACKHOLE
	};

	(void)state;
	assert_int_equal(outbox_put(&rw.outbox, filler, sizeof(filler)), 0);
	for (unsigned i = 0; i <= ROUTE_BATCH_MAX; i++) {
		say(RTM_NEWROUTE, REPLACE | (i < ROUTE_BATCH_MAX ? NLM_F_ACK : 0), &header,
			sizeof(header));
		said();
	}
	assert_int_equal(session_receive(&rw.session, request_bytes, request.used), SESSION_OVER);
	request.used = 0;
	outbox_clear(&rw.outbox);
	say(RTM_DELROUTE, NLM_F_ACK, &header, sizeof(header));
	assert_int_equal(ask(&rw), 0);
}

static void
read_only_socket_only_looks(void **state)
{
	struct talker ro;
	uint64_t before = digest();

	(void)state;
	talker_open(&ro, SESSION_READ_ONLY);
	assert_int_equal(set_route(&ro, ADD, net, 0, CONN(1)), EPERM);
	assert_int_equal(delete_route(&ro, (struct prefix) { IP(172, 16, 0, 0), 12 }, 0, 0), EPERM);
	say_neighbor(RTM_DELNEIGH, 0, LAN, 0);
	assert_int_equal(ask(&ro), EPERM);
	const struct rtmsg header = { .rtm_family = AF_INET };
	say(RTM_GETROUTE, NLM_F_DUMP, &header, sizeof(header));
	assert_int_equal(ask(&ro), 0);
	assert_in_range(heard.n, 8, 100);
	assert_int_equal(digest(), before);
	talker_close(&ro);
}

/*
 * A good message with bytes changed: whatever comes of it is answered, in words when it is refused,
 * and a refusal leaves the tables as they were. What was carried out is undone by its opposite, so
 * each starts from the same tables.
 */
static void
mutated_messages_are_survived(void **state)
{
	unsigned refused = 0;

	(void)state;
	dice_seed(11);
	for (unsigned i = 0; i < 4000; i++) {
		uint64_t before = digest();

		say_route(i % 2 ? RTM_NEWROUTE : RTM_DELROUTE, ADD, net, RTN_UNICAST);
		say_via(IP(192, 168, 50, 2), LAN);
		if (i % 4 == 3) {
			say_neighbor(RTM_NEWNEIGH, ADD, LAN, NUD_PERMANENT);
			netlink_put_attribute(&request, NDA_LLADDR, "\2\0\0\0\0\1", 6);
		}
		said();
		for (unsigned change = 0; change <= i % 5; change++) {
			uint64_t roll = dice_word();
			/* Length, flags and sequence stay, so that it is read as a message. */
			size_t at = 16 + roll % (request.used - 16);

			request_bytes[at] = (uint8_t)(roll >> 32);
		}
		int error = flush(&rw);
		assert_int_equal(heard.acks, 1);
		if (error == 0)
			continue;
		refused++;
		assert_int_equal(digest(), before);
	}
	assert_in_range(refused, 1000, 3999);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_talker, close_talker)
		TEST(datagram_is_judged_in_order),
		TEST(no_answer_overtakes_another),
		TEST(gateway_is_resolved_in_order),
		TEST(longest_datagram_is_taken),
		TEST(session_without_answers_is_over),
		TEST(read_only_socket_only_looks),
		TEST(mutated_messages_are_survived),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
