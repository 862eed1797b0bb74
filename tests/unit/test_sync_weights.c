/* SPDX-License-Identifier: BSD-3-Clause */

/* Weights of ways: as nexthop groups have them, and as messages to Espalier can say them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include "compiler.h"
#include "translate.h"

static const struct interfaces interfaces;

/* Weights that a message cannot say are brought down in proportion, to the nearest. */
static void
large_ones_stay_in_proportion(void **state)
{
	static const struct {
		uint32_t weights[3], wanted[3];
	} cases[] = {
		{ { 512, 256, 2 }, { 256, 128, 1 } }, /* by their common factor */
		{ { 257, 256, 1 }, { 256, 255, 1 } },
		{ { 1000, 333, 333 }, { 256, 85, 85 } },
		{ { 65535, 65535, 32767 }, { 2, 2, 1 } },
		{ { 65536 * 64, 1, 3 * 65536 * 16 + 1 }, { 256, 1, 192 } },
		{ { UINT32_MAX, UINT32_MAX - 1, 1 }, { 256, 256, 1 } },
	};

	(void)state;
	for (unsigned c = 0; c < ARRAY_LEN(cases); c++) {
		struct espalier_route route = { .n_hops = 3 }, again;

		for (uint32_t i = 0; i < 3; i++)
			route.hops[i] = (struct hop) { 1 + i, 0, cases[c].weights[i] };
		translate_normalize(&interfaces, &route);
		for (uint32_t i = 0; i < 3; i++)
			assert_int_equal(route.hops[i].weight, cases[c].wanted[i]);
		/* What Espalier has of it compares equal. */
		again = route;
		translate_normalize(&interfaces, &again);
		assert_true(translate_same(&again, &route));
	}
}

/* Since 6.12 a group's weights have 16 bits. */
static void
groups_have_sixteen_bits(void **state)
{
	const struct nhmsg header = { 0 };
	const uint8_t members[] = { 1, 0, 0, 0, 0xff, 0, 0, 0, 2, 0, 0, 0, 0xe7, 3, 0, 0 };
	_Alignas(4) uint8_t bytes[128];
	struct learned_nexthop group;
	struct netlink_writer writer;
	struct netlink_message message;
	struct netlink_refusal why;

	(void)state;
	netlink_writer_init(&writer, bytes, sizeof(bytes));
	netlink_begin(&writer, RTM_NEWNEXTHOP, 0, 0, 0);
	netlink_put(&writer, &header, sizeof(header));
	netlink_put_u32(&writer, NHA_ID, 9);
	netlink_put_attribute(&writer, NHA_GROUP, members, sizeof(members));
	assert_int_equal(netlink_commit(&writer), 0);
	struct netlink_span span = { bytes, writer.used };
	assert_int_equal(netlink_next_message(&span, &message, &why), 1);
	assert_true(learned_read_nexthop(&message, &group));
	assert_int_equal(group.n_hops, 2);
	assert_int_equal(group.hops[0].weight, 256);
	assert_int_equal(group.hops[1].weight, 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_ones_stay_in_proportion),
		cmocka_unit_test(groups_have_sixteen_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
