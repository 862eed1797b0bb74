/* SPDX-License-Identifier: BSD-3-Clause */

/* What espalier-sync makes of a kernel that refuses a listing; the kernel is played here. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "clock.h"
#include "kernel.h"

static struct loop loop;
static struct feed feed = { .owner = "test", .protocols = PROTOCOLS_ALL };
static struct kernel kernel;
static int played; /* the other end of its socket */

/* The real kernel, which has been asked for its nexthop objects, is taken away before it is read.
 */
static int
setup(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(loop_open(&loop), 0);
	assert_int_equal(feed_open(&feed, &loop, "/nowhere"), 0);
	assert_int_equal(kernel_open(&kernel, &loop, &feed, RT_TABLE_MAIN, 1 << 16), 0);
	assert_int_equal(kernel.stage, KERNEL_NEXTHOPS);
	assert_return_code(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends), errno);
	assert_return_code(dup2(ends[0], kernel.watcher.fd), errno);
	close(ends[0]);
	played = ends[1];
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	close(played);
	kernel_close(&kernel, &loop);
	feed_close(&feed);
	loop_close(&loop);
	return 0;
}

/* Ends the listing that runs. */
static void
say_end(int error)
{
	const struct netlink_message request = { .sequence = kernel.sequence };
	const struct netlink_refusal none = { "" };
	uint32_t buffer[64];
	struct netlink_writer writer;

	netlink_writer_init(&writer, buffer, sizeof(buffer));
	assert_int_equal(netlink_write_ack(&writer, &request, -error, &none), 0);
	assert_int_equal(send(played, buffer, writer.used, 0), writer.used);
	kernel.watcher.ready(&kernel.watcher, 0);
}

/* Before 5.3 there are no nexthop objects, and no such message. */
static void
an_old_kernel_lists_its_routes_all_the_same(void **state)
{
	(void)state;
	say_end(EOPNOTSUPP);
	assert_int_equal(kernel.stage, KERNEL_ROUTES);
	assert_false(feed.whole);
	say_end(0);
	assert_int_equal(kernel.stage, KERNEL_FOLLOWS);
	assert_true(feed.whole);
}

static void
without_its_nexthop_objects_nothing_is_whole(void **state)
{
	(void)state;
	for (unsigned turn = 0; turn < 2; turn++) {
		say_end(ENOMEM);
		assert_int_equal(kernel.stage, KERNEL_FOLLOWS);
		assert_false(feed.whole);
		assert_true(kernel.again_ns != NEVER_NS);
		kernel_tend(&kernel, kernel.again_ns);
		assert_int_equal(kernel.stage, KERNEL_NEXTHOPS);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(without_its_nexthop_objects_nothing_is_whole),
		TEST(an_old_kernel_lists_its_routes_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
