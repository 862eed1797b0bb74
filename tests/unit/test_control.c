/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The control socket over real sockets and a small gateway, all in one thread: the test plays the
 * clients and gives the server its turns between their sends and receives.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <linux/netlink.h>

#include "control.h"
#include "control_bench.h"
#include "netlink.h"
#include "nexthop.h"
#include "outbox.h"
#include "own.h"
#include "protocol.h"
#include "route.h"
#include "session.h"

static void
hello_comes_first(void **state)
{
	static const struct {
		uint32_t version, family;
		const char *words;
	} refused[] = {
		{ 2, ESPALIER_FAMILY_OWN, "speaks version 2" },
		{ 1, 99, "family 99" },
	};
	struct netlink_writer writer;
	int fd = dial(rw_path);

	(void)state;
	ask_show(fd, ESPALIER_SHOW_VERSION);
	assert_int_equal(collect_error(fd, "must be a hello"), EPROTO);
	assert_true(hung_up(fd));
	close(fd);

	for (unsigned i = 0; i < ARRAY_LEN(refused); i++) {
		fd = dial(rw_path);
		put_hello(&writer, refused[i].version, refused[i].family);
		send_off(fd, &writer);
		assert_int_equal(collect_error(fd, refused[i].words), EPROTO);
		assert_true(hung_up(fd));
		close(fd);
	}

	fd = dial(rw_path);
	begin(&writer, ESPALIER_HELLO);
	send_off(fd, &writer);
	assert_int_equal(collect_error(fd, "HELLO has at least 8 bytes"), EPROTO);
	assert_true(hung_up(fd));
	close(fd);

	fd = dial(rw_path);
	assert_int_equal(send(fd, "short", 5, 0), 5);
	assert_int_equal(collect_error(fd, "5 bytes are left"), EPROTO);
	assert_true(hung_up(fd));
	close(fd);

	fd = greet(rw_path);
	put_hello(&writer, ESPALIER_PROTOCOL_VERSION, ESPALIER_FAMILY_OWN);
	send_off(fd, &writer);
	assert_int_equal(collect_error(fd, "hello before"), EPROTO);
	assert_true(hung_up(fd));
	close(fd);
}

static void
bad_requests_are_refused_in_words(void **state)
{
	static const uint8_t zeroes[5000];
	struct espalier_group group = { .group = 1, .join = 1 };
	uint32_t subject = UINT16_MAX;
	struct netlink_writer writer;
	int fd = greet(rw_path);

	(void)state;
	begin(&writer, 0xF0FF);
	send_off(fd, &writer);
	assert_int_equal(collect_error(fd, "no message of type 0xf0ff"), EOPNOTSUPP);
	begin(&writer, ESPALIER_SHOW);
	send_off(fd, &writer);
	assert_int_equal(collect_error(fd, "SHOW has at least 4 bytes"), EINVAL);
	begin(&writer, ESPALIER_SHOW);
	netlink_put(&writer, &subject, sizeof(subject));
	send_off(fd, &writer);
	assert_int_equal(collect_error(fd, "no subject 65535"), EINVAL);
	begin(&writer, ESPALIER_EXPLAIN);
	send_off(fd, &writer);
	assert_int_equal(collect_error(fd, "'from' is missing"), EINVAL);
	begin(&writer, ESPALIER_GROUP);
	netlink_put(&writer, &group, sizeof(group));
	send_off(fd, &writer);
	assert_int_equal(collect_error(fd, "no multicast group 1"), EOPNOTSUPP);
	assert_int_equal(set_tunnel(fd, "nobody", 1, "no tunnel 'nobody'"), ENOENT);
	assert_int_equal(set_tunnel(fd, "a\n\033[31m\xff", 1, "no tunnel 'a??[31m?'"), ENOENT);
	assert_int_equal(set_tunnel(fd, "B\u00fcro", 1, "no tunnel 'B\u00fcro'"), ENOENT);
	assert_int_equal(set_tunnel(fd, "conn1", 2, "must be 0 or 1"), EINVAL);

	assert_int_equal(send(fd, "short", 5, 0), 5);
	assert_int_equal(collect_error(fd, "5 bytes are left"), EINVAL);
	assert_int_equal(send(fd, zeroes, 0, 0), 0);
	assert_int_equal(collect_error(fd, "empty datagram"), EINVAL);
	assert_int_equal(send(fd, zeroes, sizeof(zeroes), 0), sizeof(zeroes));
	assert_int_equal(collect_error(fd, "5000 bytes; 4096"), EMSGSIZE);

	/* After all that the connection is as good as before. */
	ask_show(fd, ESPALIER_SHOW_VERSION);
	assert_int_equal(collect_error(fd, NULL), 0);
	close(fd);
}

static void
read_only_socket_changes_nothing(void **state)
{
	struct netlink_writer writer;
	int fd = greet(ro_path);

	(void)state;
	atomic_store(&gw->held, true);
	begin(&writer, ESPALIER_RESUME);
	send_off(fd, &writer);
	assert_int_equal(collect_error(fd, "read-only socket"), EPERM);
	assert_true(atomic_load(&gw->held));
	assert_int_equal(set_tunnel(fd, "conn1", 1, "read-only socket"), EPERM);
	close(fd);

	fd = greet(rw_path);
	begin(&writer, ESPALIER_RESUME);
	send_off(fd, &writer);
	assert_int_equal(collect_error(fd, NULL), 0);
	assert_false(atomic_load(&gw->held));
	close(fd);
}

/* A client may send changes and go without waiting for acks, which then reach nobody. Where it left
 * one unread, the kernel resets the connection, and says so before it hands out what was sent. */
static void
changes_of_a_client_that_left_count(void **state)
{
	(void)state;
	for (int unread = 0; unread <= 1; unread++) {
		int fd = greet(rw_path);
		struct netlink_writer writer;

		begin(&writer, ESPALIER_RESUME);
		send_off(fd, &writer);
		if (unread)
			pump();
		atomic_store(&gw->held, true);
		begin(&writer, ESPALIER_TUNNEL_SET);
		netlink_put_text(&writer, ESPALIER_TUNNEL_NAME, "conn3");
		netlink_put_u8(&writer, ESPALIER_TUNNEL_DOWN, 1);
		send_off(fd, &writer);
		begin(&writer, ESPALIER_RESUME);
		send_off(fd, &writer);
		close(fd);
		pump();
		assert_false(atomic_load(&gw->held));
		json_t *rows = show(ro_path, ESPALIER_SHOW_TUNNELS);
		assert_string_equal(text_at(json_array_get(rows, 2), "state"), "down");
		json_decref(rows);
		fd = greet(rw_path);
		assert_int_equal(set_tunnel(fd, "conn3", 0, NULL), 0);
		close(fd);
	}
}

/* A family whose datagrams hold one or two rows: a row that does not fit comes with the next one.
 */
static void
listings_lose_no_row_at_a_full_datagram(void **state)
{
	static struct session_context context;
	struct family narrow = own_family;
	struct outbox outbox = { 0 };
	struct session session = { .context = &context, .outbox = &outbox, .family = &narrow };
	uint32_t subject = ESPALIER_SHOW_DROPS;
	struct answer answer = { .error = -1, .rows = json_array() };
	struct netlink_writer writer;

	(void)state;
	context.gw = gw;
	narrow.answer_bytes = 300;
	begin(&writer, ESPALIER_SHOW);
	netlink_put(&writer, &subject, sizeof(subject));
	assert_int_equal(netlink_commit(&writer), 0);
	assert_int_equal(session_receive(&session, writer.buffer, writer.used), SESSION_GOES_ON);
	while (session_dumping(&session)) {
		struct netlink_span datagram;

		assert_int_equal(session_continue(&session), SESSION_GOES_ON);
		datagram.at = outbox_peek(&outbox, &datagram.bytes);
		assert_in_range(datagram.bytes, 1, 300);
		read_datagram(datagram, &answer);
		outbox_pop(&outbox);
	}
	assert_int_equal(answer.error, 0);
	assert_int_equal(json_array_size(answer.rows), DROP_REASON_COUNT - 1);
	for (unsigned i = 0; i < DROP_REASON_COUNT - 1; i++)
		assert_string_equal(text_at(json_array_get(answer.rows, i), "reason"),
			drop_name((enum drop_reason)(i + 1)));
	json_decref(answer.rows);
}

static void
add_routes(unsigned n)
{
	static const struct nexthop_spec spec = {
		.kind = NEXTHOP_TUNNEL, .tunnel = 2, .weight = 1
	};
	struct route_change *changes = calloc(n, sizeof(*changes));

	for (unsigned i = 0; i < n; i++)
		changes[i] = (struct route_change) {
			.op = ROUTE_SET,
			.route = {
				.prefix = { IP(100, 64, 0, 0) + (i << 8), 24 },
				.table = ROUTE_TABLE_MAIN,
				.protocol = ROUTE_BGP,
				.nexthop = (uint32_t)nexthop_acquire(gw, &spec, 1, NEXTHOP_NONE),
			},
		};
	assert_int_equal(route_apply(gw, changes, n), 0);
	free(changes);
}

/* One client asks for all routes again and again and reads nothing; another is served meanwhile;
 * then the first reads, and misses no row. */
static void
slow_client_blocks_nobody(void **state)
{
	unsigned routes = route_count(gw);
	int slow = greet(ro_path);

	(void)state;
	add_routes(5000);
	for (unsigned i = 0; i < 5; i++)
		ask_show(slow, ESPALIER_SHOW_ROUTES);
	for (unsigned i = 0; i < 20; i++) {
		json_t *rows = show(ro_path, ESPALIER_SHOW_DROPS);

		pump();
		json_decref(rows);
	}
	for (unsigned i = 0; i < 5; i++) {
		struct answer answer = collect(slow);

		assert_int_equal(answer.error, 0);
		assert_int_equal(json_array_size(answer.rows), routes + 5000);
		json_decref(answer.rows);
	}
	close(slow);
}

/* As a kernel does: no refusal, and an ack where one is asked for. */
static void
messages_of_netlink_itself_are_skipped(void **state)
{
	int fd = greet(rw_path);

	(void)state;
	for (uint16_t type = 0; type < NLMSG_MIN_TYPE; type++) {
		struct netlink_writer writer;

		begin(&writer, type);
		send_off(fd, &writer);
		assert_int_equal(collect_error(fd, ""), 0);
	}
	close(fd);
}

/* Vanishes in the middle of a listing. */
static void
vanishing_client_harms_nobody(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		int fd = greet(ro_path);

		ask_show(fd, ESPALIER_SHOW_ROUTES);
		control_dispatch(control);
		close(fd);
	}
	pump();
	json_decref(show(ro_path, ESPALIER_SHOW_VERSION));
}

static void
clients_are_counted(void **state)
{
	int fd[40];
	unsigned refused = 0;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(fd); i++) {
		fd[i] = dial(ro_path);
		pump();
	}
	for (unsigned i = 0; i < ARRAY_LEN(fd); i++) {
		char byte;

		if (recv(fd[i], &byte, 1, MSG_PEEK) < 0)
			continue;
		assert_int_equal(collect_error(fd[i], "no place for more"), EUSERS);
		refused++;
	}
	assert_int_equal(refused, 8);
	/* They did not take the other socket's places. */
	close(greet(rw_path));
	for (unsigned i = 0; i < ARRAY_LEN(fd); i++)
		close(fd[i]);
	pump();
	close(greet(ro_path));
}

static uint32_t
draw(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* A request that is mostly nonsense: a header with a plausible length and type half of the time. */
static size_t
nonsense(uint8_t *bytes, size_t most, uint32_t *seed)
{
	size_t n = draw(seed) % most;
	struct nlmsghdr header = {
		.nlmsg_len = (uint32_t)n,
		.nlmsg_type = (uint16_t)(ESPALIER_HELLO + draw(seed) % 0x18),
		.nlmsg_flags = (uint16_t)draw(seed),
	};

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(draw(seed) % 3 == 0 ? draw(seed) : 0);
	if (n >= sizeof(header) && draw(seed) % 4 != 0)
		memcpy(bytes, &header, sizeof(header));
	return n;
}

static void
random_datagrams_are_survived(void **state)
{
	uint32_t seed = 7;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		const char *path = i % 2 ? rw_path : ro_path;
		uint8_t bytes[256];
		int fd = i % 10 == 0 ? dial(path) : greet(path);
		size_t n = nonsense(bytes, sizeof(bytes), &seed);

		send(fd, bytes, n, MSG_NOSIGNAL);
		pump();
		close(fd);
	}
	for (uint32_t subject = 0; subject < ESPALIER_SUBJECTS; subject++)
		json_decref(show(subject % 2 ? rw_path : ro_path, subject));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_comes_first),
		cmocka_unit_test(bad_requests_are_refused_in_words),
		cmocka_unit_test(read_only_socket_changes_nothing),
		cmocka_unit_test(changes_of_a_client_that_left_count),
		cmocka_unit_test(listings_lose_no_row_at_a_full_datagram),
		cmocka_unit_test(slow_client_blocks_nobody),
		cmocka_unit_test(messages_of_netlink_itself_are_skipped),
		cmocka_unit_test(vanishing_client_harms_nobody),
		cmocka_unit_test(clients_are_counted),
		cmocka_unit_test(random_datagrams_are_survived),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
