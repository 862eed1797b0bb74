/* SPDX-License-Identifier: BSD-3-Clause */

/* What family ROUTE tells of routes: one that is looked up, and listings. */

#include "dice.h"
#include "route_talk.h"

static uint32_t
number_of(const struct netlink_rule rules[], unsigned n, size_t header, uint16_t type)
{
	struct netlink_attribute found[RTA_MAX + 1];
	struct netlink_span body = heard.last.body;
	struct netlink_refusal why;
	uint8_t skipped[64];

	assert_true(netlink_take(&body, skipped, header));
	assert_int_equal(netlink_parse(body, rules, found, n, &why), 0);
	return netlink_u32(&found[type]);
}

static const struct netlink_rule any_rules[RTA_MAX + 1] = {
#define ANY(type) [type] = { #type, NETLINK_BYTES, 0, UINT16_MAX }
	ANY(RTA_DST),
	ANY(RTA_OIF),
	ANY(RTA_GATEWAY),
	ANY(RTA_TABLE),
	ANY(RTA_MULTIPATH),
};

static uint32_t
route_number(uint16_t type)
{
	return number_of(any_rules, ARRAY_LEN(any_rules), sizeof(struct rtmsg), type);
}

static int
get_route(uint32_t address, unsigned flags)
{
	const struct rtmsg header = {
		.rtm_family = AF_INET, .rtm_dst_len = 32, .rtm_flags = flags
	};

	say(RTM_GETROUTE, 0, &header, sizeof(header));
	netlink_put_u32(&request, RTA_DST, htonl(address));
	return ask(&rw);
}

static void
one_route_is_looked_up(void **state)
{
	struct netlink_span body;
	struct rtmsg header;

	(void)state;
	assert_int_equal(get_route(IP(192, 0, 2, 55), RTM_F_LOOKUP_TABLE), -1); /* no ack asked */
	assert_int_equal(heard.n, 1);
	assert_int_equal(route_number(RTA_OIF), WAN);
	assert_int_equal(ntohl(route_number(RTA_GATEWAY)), IP(203, 0, 113, 1));
	assert_int_equal(ntohl(route_number(RTA_DST)), IP(192, 0, 2, 55));
	/* The longest match itself, with all its ways. */
	get_route(IP(192, 168, 77, 1), RTM_F_FIB_MATCH);
	body = heard.last.body;
	assert_true(netlink_take(&body, &header, sizeof(header)));
	assert_int_equal(header.rtm_dst_len, 16);
	assert_int_equal(ntohl(route_number(RTA_DST)), IP(192, 168, 0, 0));
	/* Without, the one way of this packet. */
	get_route(IP(192, 168, 77, 1), 0);
	assert_in_range(route_number(RTA_OIF), CONN(1), CONN(2));
	get_route(IP(203, 0, 113, 191), 0);
	assert_int_equal(route_number(RTA_TABLE), RT_TABLE_LOCAL);
	assert_int_equal(get_route(IP(9, 9, 9, 9), 0), ENETUNREACH);
	assert_words("no route covers 9.9.9.9");
	assert_int_equal(get_route(IP(10, 66, 0, 1), 0), EINVAL);
	say_route(RTM_NEWROUTE, ADD, (struct prefix) { IP(9, 9, 9, 0), 24 }, RTN_UNREACHABLE);
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(get_route(IP(9, 9, 9, 9), 0), EHOSTUNREACH);
	say_route(
		RTM_NEWROUTE, NLM_F_REPLACE, (struct prefix) { IP(9, 9, 9, 0), 24 }, RTN_PROHIBIT);
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(get_route(IP(9, 9, 9, 9), 0), EACCES);
}

static unsigned
dump_routes(uint32_t table, uint8_t protocol, uint32_t ifindex)
{
	/* iproute2 sends 156 bytes, of which the first message fills but some. */
	uint8_t padded[156] = { 0 };
	const struct rtmsg header = { .rtm_family = AF_INET, .rtm_protocol = protocol };

	say(RTM_GETROUTE, NLM_F_DUMP, &header, sizeof(header));
	if (table != 0)
		netlink_put_u32(&request, RTA_TABLE, table);
	if (ifindex != 0)
		netlink_put_u32(&request, RTA_OIF, ifindex);
	said();
	memcpy(padded, request_bytes, request.used);
	request.used = 0;
	assert_int_equal(deliver(&rw, padded, sizeof(padded)), 0);
	assert_int_equal(heard.acks, 1);
	return heard.n;
}

static void
listing_is_filtered(void **state)
{
	uint32_t all = route_count(gw);

	(void)state;
	assert_int_equal(dump_routes(0, 0, 0), all);
	unsigned local = dump_routes(RT_TABLE_LOCAL, 0, 0);
	assert_int_equal(local, 3);
	assert_int_equal(dump_routes(RT_TABLE_MAIN, 0, 0), all - local);
	assert_int_equal(dump_routes(0, RTPROT_STATIC, 0), 5);
	assert_int_equal(dump_routes(0, RTPROT_STATIC, CONN(2)), 1);
	assert_int_equal(heard.last.flags, NLM_F_MULTI | NLM_F_DUMP_FILTERED);
	assert_int_equal(dump_routes(RT_TABLE_MAIN, 0, WAN), 2);
	assert_int_equal(dump_routes(100, 0, 0), 0);
	const struct rtmsg other = { .rtm_family = AF_INET6 };
	say(RTM_GETROUTE, NLM_F_DUMP, &other, sizeof(other));
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(heard.n, 0);
}

/* As a kernel lists to who asks without strict checking: libnl sends the family alone, pyroute2 a
 * family of which nobody has heard. */
static void
listing_is_asked_for_by_family(void **state)
{
	const struct rtmsg unheard_of = { .rtm_family = 255 };
	const struct rtgenmsg all = { AF_UNSPEC }, ipv6 = { AF_INET6 }, one = { AF_INET };

	(void)state;
	say(RTM_GETROUTE, NLM_F_DUMP, &unheard_of, sizeof(unheard_of));
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(heard.n, route_count(gw));
	say(RTM_GETROUTE, NLM_F_DUMP, &all, sizeof(all));
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(heard.n, route_count(gw));
	say(RTM_GETROUTE, NLM_F_DUMP, &ipv6, sizeof(ipv6));
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(heard.n, 0);
	say(RTM_GETROUTE, 0, &one, sizeof(one));
	assert_int_equal(ask(&rw), EINVAL);
	assert_words("struct rtmsg");
}

/* 5,000 routes, half of which change while they are listed: each that stays is there once. */
static void
listing_goes_on_while_routes_change(void **state)
{
	const struct rtmsg header = { .rtm_family = AF_INET };
	struct talker changer;
	unsigned datagrams = 0;

	(void)state;
	for (unsigned n = 0; n < 5000; n++) {
		say_route(RTM_NEWROUTE, ADD, numbered(n), RTN_UNICAST);
		say_via(0, CONN(1));
		said();
		if (n % 500 == 499) {
			assert_int_equal(flush(&rw), 0);
			assert_int_equal(heard.acks, 500);
		}
	}
	talker_open(&changer, SESSION_READ_WRITE);
	say(RTM_GETROUTE, NLM_F_DUMP, &header, sizeof(header));
	said();
	session_receive(&rw.session, request_bytes, request.used);
	request.used = 0;
	forget();
	struct heard *seen = calloc(1, sizeof(*seen));
	assert_non_null(seen);
	*seen = heard;
	while (session_dumping(&rw.session)) {
		assert_int_equal(session_continue(&rw.session), SESSION_GOES_ON);
		heard = *seen;
		listen_to(&rw);
		*seen = heard;
		/* An even one goes, and comes back elsewhere. */
		unsigned n = 2 * (datagrams++ % 2500);
		assert_int_equal(delete_route(&changer, numbered(n), 0, 0), 0);
		assert_int_equal(set_route(&changer, ADD, numbered(n), 0, CONN(2)), 0);
	}
	assert_in_range(datagrams, 50, 1000);
	assert_in_range(seen->n, 5000, 5000 + 20 + datagrams);
	assert_int_equal(seen->error, 0);
	free(seen);
	for (unsigned n = 0; n < 5000; n++)
		assert_int_equal(delete_route(&changer, numbered(n), 0, 0), 0);
	talker_close(&changer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_talker, close_talker)
		TEST(one_route_is_looked_up),
		TEST(listing_is_filtered),
		TEST(listing_is_asked_for_by_family),
		TEST(listing_goes_on_while_routes_change),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
