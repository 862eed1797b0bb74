/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * espalier-sync's conversation with Espalier, which is played here: what a feed says on a new
 * connection, and that its numbering never ends.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>

#include "clock.h"
#include "feed.h"
#include "protocol.h"

enum { TUNNEL = 11, ROUTES = 2500 };

static char directory[] = "/tmp/espalier-sync-feed-XXXXXX";
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static int listener;
static struct loop loop;
static struct feed feed;

static int
setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", directory);
	listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_return_code(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_return_code(listen(listener, 1), 0);
	feed = (struct feed) { .owner = "test", .protocols = PROTOCOLS_ALL };
	assert_int_equal(loop_open(&loop), 0);
	assert_int_equal(feed_open(&feed, &loop, address.sun_path), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	feed_close(&feed);
	loop_close(&loop);
	close(listener);
	unlink(address.sun_path);
	return rmdir(directory);
}

/* --- Espalier --- */

struct tally {
	uint32_t routes, acks;
	uint32_t last; /* sequence number of the last route */
	bool wrapped;
};

static void
answer(int fd, const struct netlink_message *request)
{
	uint32_t buffer[128];
	const struct ifinfomsg link = { .ifi_index = TUNNEL, .ifi_flags = IFF_POINTOPOINT };
	const struct netlink_refusal none = { "" };
	struct netlink_writer writer;

	netlink_writer_init(&writer, buffer, sizeof(buffer));
	if (request->type == RTM_GETLINK) {
		netlink_begin(&writer, RTM_NEWLINK, NLM_F_MULTI, request->sequence, 0);
		netlink_put(&writer, &link, sizeof(link));
		netlink_commit(&writer);
	}
	if (request->type == RTM_GETLINK || request->type == RTM_GETADDR)
		netlink_write_done(&writer, request, 0, &none);
	else
		netlink_write_ack(&writer, request, 0, &none);
	assert_int_equal(send(fd, buffer, writer.used, 0), (ssize_t)writer.used);
}

/* Takes one datagram, if there is one, and answers what wants an answer. */
static void
serve(int fd, struct tally *tally)
{
	static _Alignas(4) uint8_t datagram[CHANNEL_DATAGRAM_BYTES];
	ssize_t bytes = recv(fd, datagram, sizeof(datagram), MSG_DONTWAIT);
	struct netlink_span rest = { datagram, bytes > 0 ? (size_t)bytes : 0 };
	struct netlink_message message;
	struct netlink_refusal why;

	while (netlink_next_message(&rest, &message, &why) > 0) {
		bool wanted = (message.flags & NLM_F_ACK) != 0;

		if (message.type == RTM_NEWROUTE) {
			assert_int_not_equal(message.sequence, 0);
			tally->wrapped |= message.sequence < tally->last;
			tally->last = message.sequence;
			tally->routes++;
			tally->acks += wanted;
		}
		if (wanted || message.type == RTM_GETLINK || message.type == RTM_GETADDR)
			answer(fd, &message);
	}
}

static void
turn(int fd, struct tally *tally)
{
	feed_tend(&feed, clock_now_ns());
	loop_wait(&loop, 0);
	if (fd >= 0)
		serve(fd, tally);
}

static void
say_all(void)
{
	for (uint32_t n = 0; n < ROUTES; n++) {
		struct learned_route route = {
			.prefix = { 0x64400000 + n * 256, 24 },
			.table = RT_TABLE_MAIN,
			.facts = { .protocol = RTPROT_BOOT, .type = RTN_UNICAST, .n_hops = 1 },
			.hops = { { .ifindex = TUNNEL, .weight = 1 } },
		};

		assert_true(rib_set(&feed.rib, &route, RIB_REPLACED));
	}
	feed_whole(&feed);
}

/* Number 0 is not a request's: Espalier's own words bear it. */
static void
numbers_pass_over_zero(void **state)
{
	struct tally tally = { 0 };

	(void)state;
	say_all();
	feed.sequence = UINT32_MAX - ROUTES / 2;
	turn(-1, &tally);
	int fd = accept(listener, NULL, NULL);
	assert_return_code(fd, 0);
	for (unsigned i = 0; i < 1000 && feed.stage != FEED_IN_STEP; i++)
		turn(fd, &tally);
	assert_int_equal(feed.stage, FEED_IN_STEP);
	assert_int_equal(tally.routes, ROUTES);
	assert_int_equal(feed.n_flights, 0);
	assert_true(tally.wrapped);
	assert_in_range(tally.acks, 3, 10);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbers_pass_over_zero, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
