/* SPDX-License-Identifier: BSD-3-Clause */

/* What the netlink codec writes, read by a stranger, libmnl. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <errno.h>
#include <arpa/inet.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "netlink.h"

#define TYPE 0xF0F0

static void
libmnl_reads_what_it_writes(void **state)
{
	_Alignas(8) uint8_t buffer[512];
	struct netlink_writer writer;

	(void)state;
	netlink_writer_init(&writer, buffer, sizeof(buffer));
	netlink_begin(&writer, TYPE, NLM_F_REQUEST, 5, 6);
	netlink_put(&writer, "head", 4);
	netlink_put_u8(&writer, 1, 0xab);
	netlink_put_text(&writer, 2, "conn");
	netlink_put_u16(&writer, 3, 0xcdef);
	assert_int_equal(netlink_commit(&writer), 0);
	netlink_begin(&writer, TYPE + 1, 0, 5, 6);
	netlink_put(&writer, "{}!", 3);
	assert_int_equal(netlink_commit_exact(&writer), 0);
	netlink_begin(&writer, TYPE + 2, 0, 5, 6);
	netlink_put(&writer, "{}!", 3);
	assert_int_equal(netlink_commit(&writer), 0);

	const struct nlmsghdr *header = (const struct nlmsghdr *)buffer;
	int left = (int)writer.used;
	assert_true(mnl_nlmsg_ok(header, left));
	assert_int_equal(header->nlmsg_seq, 5);
	assert_int_equal(header->nlmsg_pid, 6);
	struct nlattr *attribute;
	unsigned seen = 0;
	mnl_attr_for_each (attribute, header, 4) {
		seen++;
		assert_int_equal(mnl_attr_get_type(attribute), seen);
		if (seen == 1)
			assert_int_equal(mnl_attr_get_u8(attribute), 0xab);
		else if (seen == 2)
			assert_string_equal(mnl_attr_get_str(attribute), "conn");
		else
			assert_int_equal(mnl_attr_get_u16(attribute), 0xcdef);
	}
	assert_int_equal(seen, 3);

	header = mnl_nlmsg_next(header, &left);
	assert_true(mnl_nlmsg_ok(header, left));
	assert_int_equal(header->nlmsg_len, sizeof(*header) + 3); /* exact, then padded */
	assert_memory_equal(mnl_nlmsg_get_payload(header), "{}!", 3);
	header = mnl_nlmsg_next(header, &left);
	assert_true(mnl_nlmsg_ok(header, left));
	assert_int_equal(header->nlmsg_len, sizeof(*header) + 4); /* as the kernel counts */
	header = mnl_nlmsg_next(header, &left);
	assert_false(mnl_nlmsg_ok(header, left));
}

/* What libmnl finds in a nest, and that a weight which no byte can say is cut. */
static void
nests_are_libmnls(void **state)
{
	_Alignas(8) uint8_t buffer[256];
	const struct nlmsghdr *header = (const struct nlmsghdr *)buffer;
	struct netlink_writer writer;
	struct rtnexthop hop;

	(void)state;
	netlink_writer_init(&writer, buffer, sizeof(buffer));
	netlink_begin(&writer, TYPE, 0, 5, 6);
	size_t nest = netlink_nest_begin(&writer, 7);
	netlink_put_text(&writer, 1, "four");
	netlink_nest_end(&writer, nest);
	nest = netlink_nest_begin(&writer, RTA_MULTIPATH);
	netlink_put_hop(&writer, 3, 256, 0xc0000201);
	netlink_put_hop(&writer, 4, 300, 0);
	netlink_nest_end(&writer, nest);
	assert_int_equal(netlink_commit(&writer), 0);

	const struct nlattr *attribute = mnl_nlmsg_get_payload(header);
	assert_int_equal(attribute->nla_len, 4 + 12); /* padding inside counts */
	assert_int_equal(mnl_attr_get_type(attribute), 7);
	const struct nlattr *inside = mnl_attr_get_payload(attribute);
	assert_int_equal(mnl_attr_get_type(inside), 1);
	assert_string_equal(mnl_attr_get_str(inside), "four");

	attribute = mnl_attr_next(attribute);
	assert_int_equal(mnl_attr_get_type(attribute), RTA_MULTIPATH);
	assert_int_equal(mnl_attr_get_payload_len(attribute), 16 + 8);
	const uint8_t *hops = mnl_attr_get_payload(attribute);
	memcpy(&hop, hops, sizeof(hop));
	assert_int_equal(hop.rtnh_len, 16);
	assert_int_equal(hop.rtnh_hops, 255);
	assert_int_equal(hop.rtnh_ifindex, 3);
	inside = (const struct nlattr *)(hops + sizeof(hop));
	assert_int_equal(mnl_attr_get_type(inside), RTA_GATEWAY);
	assert_int_equal(ntohl(mnl_attr_get_u32(inside)), 0xc0000201);
	memcpy(&hop, hops + 16, sizeof(hop));
	assert_int_equal(hop.rtnh_len, 8);
	assert_int_equal(hop.rtnh_hops, 255);
	assert_int_equal(hop.rtnh_ifindex, 4);

	/* Flags go to the last message alone. */
	netlink_begin(&writer, TYPE, NLM_F_REQUEST, 6, 6);
	assert_int_equal(netlink_commit(&writer), 0);
	netlink_add_flags(&writer, NLM_F_ACK);
	assert_int_equal(header->nlmsg_flags, 0);
	header = (const struct nlmsghdr *)(buffer + header->nlmsg_len);
	assert_int_equal(header->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
}

/* An attribute that says more than 65535 bytes would lie: the message is given up. */
static void
no_nest_is_too_long(void **state)
{
	static _Alignas(8) uint8_t buffer[128 * 1024];
	static const uint8_t zeroes[40000];
	struct netlink_writer writer;

	(void)state;
	netlink_writer_init(&writer, buffer, sizeof(buffer));
	netlink_begin(&writer, TYPE, 0, 5, 6);
	size_t nest = netlink_nest_begin(&writer, 7);
	netlink_put_attribute(&writer, 1, zeroes, sizeof(zeroes));
	netlink_put_attribute(&writer, 2, zeroes, sizeof(zeroes));
	netlink_nest_end(&writer, nest);
	assert_int_equal(netlink_commit(&writer), -EMSGSIZE);
	assert_int_equal(writer.used, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libmnl_reads_what_it_writes),
		cmocka_unit_test(nests_are_libmnls),
		cmocka_unit_test(no_nest_is_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
