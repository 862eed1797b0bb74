/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * espalier-sync's frames, messages and translation. Messages are written by a stranger, libmnl, and
 * what is sent to Espalier is read back by it; bytes that lie are read from buffers of exactly
 * their size, so that a sanitizer sees the first byte too far.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include "dice.h"
#include "fpm.h"
#include "translate.h"

enum { TUNNEL_1 = 11, TUNNEL_2, TUNNEL_3, PORT = 21, OTHER = 99 };

static struct interfaces interfaces;
static struct nexthops nexthops;
static struct rib rib;

static int
setup(void **state)
{
	static const struct learned_link links[] = {
		{ .ifindex = PORT },
		{ .ifindex = TUNNEL_2, .point_to_point = true },
		{ .ifindex = TUNNEL_1, .point_to_point = true },
		{ .ifindex = TUNNEL_3, .point_to_point = true },
	};
	const struct learned_address address = { PORT, { 0xCB007105, 24 } };

	(void)state;
	interfaces = (struct interfaces) { 0 };
	nexthops = (struct nexthops) { 0 };
	for (unsigned i = 0; i < ARRAY_LEN(links); i++)
		assert_true(interfaces_add_link(&interfaces, &links[i]));
	assert_true(interfaces_add_address(&interfaces, &address));
	interfaces_settle(&interfaces);
	return rib_open(&rib);
}

static int
teardown(void **state)
{
	(void)state;
	interfaces_clear(&interfaces);
	nexthops_close(&nexthops);
	rib_close(&rib);
	return 0;
}

/* --- messages as the kernel writes them --- */

static char buffer[8192];

static struct nlmsghdr *
begin(uint8_t type, uint8_t protocol)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct rtmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	message->nlmsg_type = RTM_NEWROUTE;
	*header = (struct rtmsg) {
		.rtm_family = AF_INET,
		.rtm_dst_len = 24,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = protocol,
		.rtm_type = type,
	};
	mnl_attr_put_u32(message, RTA_DST, htonl(0x64400000));
	return message;
}

static void
put_hop(struct nlmsghdr *message, int ifindex, uint8_t weight, uint8_t flags)
{
	struct rtnexthop hop = {
		.rtnh_len = sizeof(hop),
		.rtnh_flags = flags,
		.rtnh_hops = (uint8_t)(weight - 1),
		.rtnh_ifindex = ifindex,
	};

	memcpy(mnl_nlmsg_get_payload_tail(message), &hop, sizeof(hop));
	message->nlmsg_len += sizeof(hop);
}

static bool
read_back(const struct nlmsghdr *header, struct learned_route *route)
{
	struct netlink_span span = { (const uint8_t *)header, header->nlmsg_len };
	struct netlink_message message;
	struct netlink_refusal why;

	assert_int_equal(netlink_next_message(&span, &message, &why), 1);
	return learned_read_route(&message, route);
}

/* What becomes of the route of a message, the only one of its prefix. */
static enum rib_verdict
become(const struct nlmsghdr *message, enum protocols protocols, struct espalier_route *result)
{
	const struct translation translation = { &interfaces, &nexthops, protocols };
	static struct learned_route route;

	assert_true(read_back(message, &route));
	assert_true(rib_set(&rib, &route, RIB_REPLACED));
	return translate_entry(&translation, rib_find(&rib, route.prefix), result);
}

/* --- translation --- */

static void
test_one_way(void **state)
{
	struct nlmsghdr *message = begin(RTN_UNICAST, RTPROT_BIRD);
	static struct espalier_route result;

	(void)state;
	mnl_attr_put_u32(message, RTA_GATEWAY, htonl(0xCB007101));
	mnl_attr_put_u32(message, RTA_OIF, PORT);
	assert_int_equal(become(message, PROTOCOLS_ALL, &result), RIB_CARRIED);
	assert_int_equal(result.n_hops, 1);
	assert_int_equal(result.hops[0].ifindex, PORT);
	assert_int_equal(result.hops[0].gateway, 0xCB007101);
	assert_int_equal(result.protocol, RTPROT_BIRD);
}

/* Foreign and dead ways are left out, equal ones are one, weights have no common factor, and a
 * tunnel needs no gateway. */
static void
test_many_ways(void **state)
{
	struct nlmsghdr *message = begin(RTN_UNICAST, RTPROT_BGP);
	static struct espalier_route result;

	(void)state;
	struct nlattr *nest = mnl_attr_nest_start(message, RTA_MULTIPATH);
	put_hop(message, TUNNEL_3, 4, 0);
	put_hop(message, OTHER, 5, 0);
	put_hop(message, TUNNEL_1, 2, RTNH_F_LINKDOWN);
	put_hop(message, TUNNEL_2, 6, RTNH_F_DEAD);
	put_hop(message, TUNNEL_3, 4, 0);
	mnl_attr_nest_end(message, nest);
	assert_int_equal(become(message, PROTOCOLS_ALL, &result), RIB_CARRIED);
	assert_int_equal(result.n_hops, 2);
	assert_int_equal(result.hops[0].ifindex, TUNNEL_1);
	assert_int_equal(result.hops[0].weight, 1);
	assert_int_equal(result.hops[1].ifindex, TUNNEL_3);
	assert_int_equal(result.hops[1].weight, 4);
}

static void
test_verdicts(void **state)
{
	static struct espalier_route result;
	struct nlmsghdr *message = begin(RTN_UNICAST, RTPROT_BOOT);

	(void)state;
	mnl_attr_put_u32(message, RTA_OIF, OTHER);
	assert_int_equal(become(message, PROTOCOLS_ALL, &result), RIB_FOREIGN);
	message = begin(RTN_UNICAST, RTPROT_BGP);
	mnl_attr_put_u32(message, RTA_OIF, TUNNEL_1);
	assert_int_equal(become(message, PROTOCOLS_BUT_FRR, &result), RIB_DEFERRED);
	assert_int_equal(become(message, PROTOCOLS_FRR, &result), RIB_CARRIED);
	message = begin(RTN_UNICAST, RTPROT_BIRD);
	mnl_attr_put_u32(message, RTA_OIF, TUNNEL_1);
	assert_int_equal(become(message, PROTOCOLS_BUT_FRR, &result), RIB_CARRIED);
	assert_int_equal(become(message, PROTOCOLS_FRR, &result), RIB_DEFERRED);
	message = begin(RTN_UNREACHABLE, RTPROT_BOOT);
	assert_int_equal(become(message, PROTOCOLS_ALL, &result), RIB_CARRIED);
	assert_int_equal(result.type, RTN_UNREACHABLE);
	message = begin(RTN_THROW, RTPROT_BOOT);
	assert_int_equal(become(message, PROTOCOLS_ALL, &result), RIB_STRANGE);
	message = begin(RTN_UNICAST, RTPROT_BOOT);
	mnl_attr_put_u32(message, RTA_OIF, TUNNEL_1);
	mnl_attr_put(message, RTA_VIA, 18, buffer);
	assert_int_equal(become(message, PROTOCOLS_ALL, &result), RIB_STRANGE);
	message = begin(RTN_UNICAST, RTPROT_BOOT);
	mnl_attr_put_u32(message, RTA_NH_ID, 5);
	assert_int_equal(become(message, PROTOCOLS_ALL, &result), RIB_UNKNOWN);
}

static void
test_own_networks(void **state)
{
	static struct espalier_route result;
	struct nlmsghdr *message = begin(RTN_UNICAST, RTPROT_KERNEL);
	uint32_t network = htonl(0xCB007100);

	(void)state;
	mnl_attr_put_u32(message, RTA_OIF, PORT);
	assert_int_equal(become(message, PROTOCOLS_ALL, &result), RIB_CARRIED);
	memcpy(mnl_attr_get_payload(mnl_nlmsg_get_payload_offset(message, sizeof(struct rtmsg))),
		&network, sizeof(network));
	assert_int_equal(become(message, PROTOCOLS_ALL, &result), RIB_OWN);
}

/* A worse route out of a tunnel counts where the best goes elsewhere, but not where the best is
 * another source's. */
static void
test_the_best_that_counts(void **state)
{
	const struct translation mirror = { &interfaces, &nexthops, PROTOCOLS_BUT_FRR };
	static struct espalier_route result;
	static struct learned_route route;

	(void)state;
	struct nlmsghdr *message = begin(RTN_UNICAST, RTPROT_BOOT);
	mnl_attr_put_u32(message, RTA_OIF, OTHER);
	assert_int_equal(become(message, PROTOCOLS_ALL, &result), RIB_FOREIGN);
	message = begin(RTN_UNICAST, RTPROT_BOOT);
	mnl_attr_put_u32(message, RTA_OIF, TUNNEL_2);
	mnl_attr_put_u32(message, RTA_PRIORITY, 100);
	assert_int_equal(become(message, PROTOCOLS_ALL, &result), RIB_CARRIED);
	assert_int_equal(result.hops[0].ifindex, TUNNEL_2);
	message = begin(RTN_UNICAST, RTPROT_BGP);
	mnl_attr_put_u32(message, RTA_OIF, TUNNEL_1);
	mnl_attr_put_u32(message, RTA_PRIORITY, 20);
	assert_true(read_back(message, &route));
	assert_true(rib_set(&rib, &route, RIB_ADDED));
	assert_int_equal(
		translate_entry(&mirror, rib_find(&rib, route.prefix), &result), RIB_FOREIGN);
	assert_int_equal(
		translate_entry(&(struct translation) { &interfaces, &nexthops, PROTOCOLS_ALL },
			rib_find(&rib, route.prefix), &result),
		RIB_CARRIED);
	assert_int_equal(result.hops[0].ifindex, TUNNEL_1);
}

/* --- what is sent --- */

static void
test_written_messages(void **state)
{
	_Alignas(4) static uint8_t out[65536];
	static struct espalier_route wanted = { .protocol = RTPROT_BGP, .type = RTN_UNICAST };
	static struct learned_route back;
	struct netlink_writer writer;

	(void)state;
	for (uint8_t n = 0; n <= LEARNED_HOPS_MAX; n++) {
		wanted.n_hops = n;
		for (uint32_t i = 0; i < n; i++)
			wanted.hops[i] = (struct hop) { 100 + i, i % 2 == 0 ? 0 : i, 1 + i };
		if (n == 1)
			wanted.hops[0].weight = 1;
		netlink_writer_init(&writer, out, sizeof(out));
		assert_int_equal(
			translate_write_new(&writer, 7, (struct prefix) { 0x0A000000, 8 }, &wanted),
			0);
		const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)out;
		assert_true(mnl_nlmsg_ok(message, (int)writer.used));
		assert_int_equal(message->nlmsg_seq, 7);
		assert_true(message->nlmsg_len <= 4096);
		assert_true(read_back(message, &back));
		assert_int_equal(back.prefix.address, 0x0A000000);
		assert_int_equal(back.prefix.bits, 8);
		assert_int_equal(back.facts.n_hops, n);
		assert_memory_equal(back.hops, wanted.hops, n * sizeof(wanted.hops[0]));
		assert_int_equal(back.facts.protocol, RTPROT_BGP);
	}
}

/* --- frames --- */

static void
test_frames_in_pieces(void **state)
{
	static const uint8_t stream[] = { 1, 1, 0, 8, 'a', 'b', 'c', 'd', 1, 1, 0, 4, 1, 1, 0, 6,
		'e', 'f' };
	struct netlink_refusal why;

	(void)state;
	for (size_t bytes = 0; bytes <= sizeof(stream); bytes++) {
		struct netlink_span rest = { stream, bytes }, body;
		unsigned frames = 0;
		int got;

		while ((got = fpm_next_frame(&rest, &body, &why)) > 0)
			frames++;
		assert_int_equal(got, 0);
		assert_int_equal(frames, bytes == 18 ? 3 : bytes >= 12 ? 2 : bytes >= 8);
	}
}

static void
test_no_frames(void **state)
{
	static const uint8_t bad[][4] = { { 2, 1, 0, 8 }, { 1, 2, 0, 8 }, { 1, 1, 0, 3 },
		{ 0, 0, 0, 0 } };
	struct netlink_refusal why;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		struct netlink_span rest = { bad[i], sizeof(bad[i]) }, body;

		why.text[0] = '\0';
		assert_int_equal(fpm_next_frame(&rest, &body, &why), -EINVAL);
		assert_true(why.text[0] != '\0');
	}
}

/* Good messages with random bytes in them, from exact memory: nothing but memory is at stake. */
static void
test_damaged_messages(void **state)
{
	static struct feed feed;
	static struct fpm fpm = { .feed = &feed, .table = RT_TABLE_MAIN };
	struct netlink_refusal why;

	(void)state;
	dice_seed(3);
	assert_int_equal(rib_open(&feed.rib), 0);
	for (unsigned turn = 0; turn < 50000; turn++) {
		struct nlmsghdr *message = begin(RTN_UNICAST, RTPROT_BGP);
		struct nlattr *nest = mnl_attr_nest_start(message, RTA_MULTIPATH);

		put_hop(message, TUNNEL_1, 1, 0);
		put_hop(message, TUNNEL_2, 2, 0);
		mnl_attr_nest_end(message, nest);
		if (dice_below(2) == 0)
			message->nlmsg_type = dice_below(2) == 0 ? RTM_NEWNEXTHOP : RTM_DELNEXTHOP;
		size_t bytes = message->nlmsg_len;
		uint8_t *copy = malloc(bytes);
		assert_non_null(copy);
		memcpy(copy, message, bytes);
		for (uint32_t i = dice_below(5); i > 0; i--)
			copy[sizeof(*message) + dice_below((uint32_t)(bytes - sizeof(*message)))] =
				(uint8_t)dice_word();
		fpm_take_frame(&fpm, (struct netlink_span) { copy, bytes }, &why);
		free(copy);
	}
	nexthops_close(&feed.nexthops);
	rib_close(&feed.rib);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_way),
		TEST(test_many_ways),
		TEST(test_verdicts),
		TEST(test_own_networks),
		TEST(test_the_best_that_counts),
		TEST(test_written_messages),
		TEST(test_frames_in_pieces),
		TEST(test_no_frames),
		TEST(test_damaged_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
