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
#include <arpa/inet.h>
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
#include "netlink.h"
#include "nexthop.h"
#include "outbox.h"
#include "protocol.h"
#include "route.h"
#include "session.h"
#include "socket_path.h"
#include "small_gateway.h"

#define TURNS 64 /* enough for any exchange of these tests */

static struct gateway *gw;
static struct control *control;
static char directory[64];
static char rw_path[80], ro_path[80];

static const struct control_facts facts = { .version = "0.1.0", .crypto = "none" };

/* ------------------------------------------------------------------------------------ the client
 */

static int
dial(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	memcpy(address.sun_path, path, strlen(path));
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void
pump(void)
{
	for (unsigned turn = 0; turn < TURNS; turn++)
		control_dispatch(control);
}

static void
begin(struct netlink_writer *writer, uint16_t type)
{
	static uint32_t sequence;
	static uint8_t buffer[1024];

	netlink_writer_init(writer, buffer, sizeof(buffer));
	netlink_begin(writer, type, NLM_F_REQUEST | NLM_F_ACK, ++sequence, 4711);
}

static void
send_off(int fd, struct netlink_writer *writer)
{
	assert_int_equal(netlink_commit(writer), 0);
	assert_int_equal(send(fd, writer->buffer, writer->used, MSG_NOSIGNAL), writer->used);
}

/* What came back to one request. */
struct answer {
	int error; /* errno of the ack; -1: none came, -2: the server hung up instead */
	char words[NETLINK_TEXT_BYTES];
	json_t *rows;
};

static void
read_message(const struct netlink_message *message, struct answer *answer)
{
	struct netlink_refusal words;

	if (message->type == NLMSG_ERROR || message->type == NLMSG_DONE) {
		answer->error = netlink_status(message, &words);
		memcpy(answer->words, words.text, sizeof(words.text));
		return;
	}
	json_t *row = json_loadb((const char *)message->body.at, message->body.bytes, 0, NULL);
	assert_non_null(row);
	/* No key in any answer, as text or as hex. */
	char *text = strndup((const char *)message->body.at, message->body.bytes);
	assert_null(strstr(text, "a5a5"));
	free(text);
	json_array_append_new(answer->rows, row);
}

/* Gives turns and reads until the ack. `answer.rows` is the caller's. */
static struct answer
collect(int fd)
{
	struct answer answer = { .error = -1, .rows = json_array() };
	static uint8_t datagram[SESSION_ANSWER_BYTES_MAX + 1];
	struct netlink_refusal why;

	for (unsigned turn = 0; turn < 100000 && answer.error == -1; turn++) {
		ssize_t bytes = recv(fd, datagram, sizeof(datagram), 0);

		if (bytes == 0)
			answer.error = -2;
		if (bytes <= 0) {
			control_dispatch(control);
			continue;
		}
		assert_in_range(bytes, 1, SESSION_ANSWER_BYTES_MAX);
		struct netlink_span span = { datagram, (size_t)bytes };
		struct netlink_message message;
		while (netlink_next_message(&span, &message, &why) > 0)
			read_message(&message, &answer);
	}
	return answer;
}

static int
collect_error(int fd, const char *words)
{
	struct answer answer = collect(fd);

	json_decref(answer.rows);
	if (words != NULL && strstr(answer.words, words) == NULL)
		fail_msg("expected '%s' in '%s'", words, answer.words);
	return answer.error;
}

static void
put_hello(struct netlink_writer *writer, uint32_t version, uint32_t family)
{
	struct espalier_hello hello = { version, family };

	begin(writer, ESPALIER_HELLO);
	netlink_put(writer, &hello, sizeof(hello));
}

/* A connection that has said hello to the own family. */
static int
greet(const char *path)
{
	struct netlink_writer writer;
	int fd = dial(path);

	put_hello(&writer, ESPALIER_PROTOCOL_VERSION, ESPALIER_FAMILY_OWN);
	send_off(fd, &writer);
	assert_int_equal(collect_error(fd, NULL), 0);
	return fd;
}

static bool
hung_up(int fd)
{
	char byte;

	pump();
	return recv(fd, &byte, 1, 0) == 0;
}

static void
ask_show(int fd, uint32_t subject)
{
	struct netlink_writer writer;

	begin(&writer, ESPALIER_SHOW);
	netlink_put(&writer, &subject, sizeof(subject));
	send_off(fd, &writer);
}

static json_t *
show(const char *path, uint32_t subject)
{
	int fd = greet(path);

	ask_show(fd, subject);
	struct answer answer = collect(fd);
	assert_int_equal(answer.error, 0);
	close(fd);
	return answer.rows;
}

static int
set_tunnel(int fd, const char *name, uint8_t down, const char *words)
{
	struct netlink_writer writer;

	begin(&writer, ESPALIER_TUNNEL_SET);
	netlink_put_text(&writer, ESPALIER_TUNNEL_NAME, name);
	netlink_put_u8(&writer, ESPALIER_TUNNEL_DOWN, down);
	send_off(fd, &writer);
	return collect_error(fd, words);
}

static json_t *
explain(uint32_t from, uint32_t to, uint16_t sport)
{
	uint32_t from_be = htonl(from), to_be = htonl(to);
	struct netlink_writer writer;
	int fd = greet(ro_path);

	begin(&writer, ESPALIER_EXPLAIN);
	netlink_put_attribute(&writer, ESPALIER_FLOW_FROM, &from_be, 4);
	netlink_put_attribute(&writer, ESPALIER_FLOW_TO, &to_be, 4);
	netlink_put_u16(&writer, ESPALIER_FLOW_SPORT, sport);
	send_off(fd, &writer);
	struct answer answer = collect(fd);
	close(fd);
	assert_int_equal(answer.error, 0);
	assert_int_equal(json_array_size(answer.rows), 1);
	json_t *row = json_incref(json_array_get(answer.rows, 0));
	json_decref(answer.rows);
	return row;
}

static const char *
text_at(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

/* ------------------------------------------------------------------------------------ the tests */

static void
hello_comes_first(void **state)
{
	static const struct {
		uint32_t version, family;
		int error;
		const char *words;
	} refused[] = {
		{ 2, ESPALIER_FAMILY_OWN, EPROTONOSUPPORT, "speaks version 2" },
		{ 1, ESPALIER_FAMILY_XFRM, EPROTONOSUPPORT, "family 6 (XFRM)" },
		{ 1, ESPALIER_FAMILY_ROUTE, EPROTONOSUPPORT, "family 0 (ROUTE)" },
		{ 1, 99, EPROTONOSUPPORT, "family 99" },
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
		assert_int_equal(collect_error(fd, refused[i].words), refused[i].error);
		assert_true(hung_up(fd));
		close(fd);
	}

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
	uint32_t subject = ESPALIER_SUBJECTS;
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
	assert_int_equal(collect_error(fd, "no subject 9"), EINVAL);
	begin(&writer, ESPALIER_EXPLAIN);
	send_off(fd, &writer);
	assert_int_equal(collect_error(fd, "'from' is missing"), EINVAL);
	begin(&writer, ESPALIER_GROUP);
	netlink_put(&writer, &group, sizeof(group));
	send_off(fd, &writer);
	assert_int_equal(collect_error(fd, "no multicast group 1"), EOPNOTSUPP);
	assert_int_equal(set_tunnel(fd, "nobody", 1, "no tunnel 'nobody'"), ENOENT);
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

static void
shows_have_their_keys(void **state)
{
	static const struct {
		uint32_t subject;
		size_t rows;
		const char *keys; /* name:type, s string i integer b boolean o object a array */
	} table[] = {
		{ ESPALIER_SHOW_TUNNELS, 3,
			"name:s if_id:i local:s remote:s state:s mtu:i tx:o rx:o" },
		{ ESPALIER_SHOW_SAS, 4,
			"spi:s direction:s tunnel:s encryption:s authentication:s esn:b "
			"replay_window:i sequence:i packets:i bytes:i" },
		{ ESPALIER_SHOW_ROUTES, 11, "prefix:s table:i protocol:s nexthops:a" },
		{ ESPALIER_SHOW_NEIGHBORS, 3, "port:s address:s state:s" },
		{ ESPALIER_SHOW_PORTS, 2, "name:s mac:s mtu:i addresses:a rx:o tx:o tx_full:i" },
		{ ESPALIER_SHOW_WORKERS, 1,
			"worker:i loops:i busy_loops:i bursts:i packets:i sleeps:i handed_over:i "
			"drops:i" },
		{ ESPALIER_SHOW_DROPS, DROP_REASON_COUNT - 1, "reason:s packets:i description:s" },
		{ ESPALIER_SHOW_GROUPS, 1, "id:i members:a" },
		{ ESPALIER_SHOW_VERSION, 1, "name:s version:s dpdk:s ipsec_mb:s" },
	};

	(void)state;
	for (unsigned i = 0; i < 2 * ARRAY_LEN(table); i++) {
		const char *keys = table[i / 2].keys;
		json_t *rows = show(i % 2 ? rw_path : ro_path, table[i / 2].subject);
		char key[32], type;
		int used;

		assert_int_equal(json_array_size(rows), table[i / 2].rows);
		for (; sscanf(keys, " %31[^:]:%c%n", key, &type, &used) == 2; keys += used) {
			const json_t *row;
			size_t r;

			json_array_foreach(rows, r, row)
			{
				const json_t *value = json_object_get(row, key);
				bool good = type == 's' ? json_is_string(value)
					: type == 'i'   ? json_is_integer(value)
					: type == 'b'   ? json_is_boolean(value)
					: type == 'o'   ? json_is_object(value)
							: json_is_array(value);

				if (!good)
					fail_msg("subject %u, key %s", table[i / 2].subject, key);
			}
		}
		json_decref(rows);
	}
}

/* Whole rows, as the design spells them. */
static void
rows_have_their_shapes(void **state)
{
	static const struct {
		uint32_t subject;
		const char *key, *value; /* finds the row */
		const char *shape;       /* must be part of it */
	} table[] = {
		{ ESPALIER_SHOW_ROUTES, "prefix", "172.16.0.0/12",
			"{'table': 254, 'protocol': 'static', 'nexthops': "
			"[{'tunnel': 'conn3', 'weight': 1}]}" },
		{ ESPALIER_SHOW_ROUTES, "prefix", "192.168.0.0/16",
			"{'nexthops': [{'tunnel': 'conn1', 'weight': 1}, "
			"{'tunnel': 'IPsec-VPN Connection 2', 'weight': 1}]}" },
		{ ESPALIER_SHOW_ROUTES, "prefix", "192.0.2.0/24",
			"{'nexthops': [{'port': 'wan0', 'gateway': '203.0.113.1', 'weight': 1}]}" },
		{ ESPALIER_SHOW_ROUTES, "prefix", "192.168.50.0/24",
			"{'protocol': 'connected', 'nexthops': "
			"[{'port': 'lan0', 'gateway': null, 'weight': 1}]}" },
		{ ESPALIER_SHOW_ROUTES, "prefix", "192.168.50.1/32",
			"{'protocol': 'connected', 'nexthops': [{'local': true}]}" },
		{ ESPALIER_SHOW_ROUTES, "prefix", "10.66.0.0/16",
			"{'nexthops': [{'drop': true}]}" },
		{ ESPALIER_SHOW_SAS, "spi", "0x00001001",
			"{'direction': 'out', 'tunnel': 'conn1', 'encryption': 'aes128-cbc', "
			"'authentication': 'hmac-sha1-96', 'esn': false, 'replay_window': 0, "
			"'sequence': 0, 'state': 'active', 'worker': null}" },
		{ ESPALIER_SHOW_SAS, "spi", "0x00002001",
			"{'direction': 'in', 'replay_window': 1024, 'destination': "
			"'203.0.113.191'}" },
		{ ESPALIER_SHOW_TUNNELS, "name", "conn1",
			"{'if_id': 1, 'local': '203.0.113.191', 'remote': '192.0.2.1', 'state': "
			"'up', 'mtu': 1438, 'spi': '0x00001001', 'blocked': null}" },
		{ ESPALIER_SHOW_TUNNELS, "name", "conn3",
			"{'state': 'no-sa', 'blocked': 'no_sa'}" },
		{ ESPALIER_SHOW_NEIGHBORS, "address", "203.0.113.1",
			"{'port': 'wan0', 'mac': '02:00:00:00:00:03', 'state': 'valid'}" },
		{ ESPALIER_SHOW_NEIGHBORS, "address", "192.168.50.9",
			"{'port': 'lan0', 'mac': null, 'state': 'unresolved'}" },
		{ ESPALIER_SHOW_PORTS, "name", "lan0",
			"{'mtu': 1500, 'addresses': ['192.168.50.1/24'], 'tx_full': 0}" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(table); i++) {
		json_t *rows = show(ro_path, table[i].subject);
		char shape[512];
		json_t *row, *value;
		const char *key;
		bool found = false;
		size_t r;

		snprintf(shape, sizeof(shape), "%s", table[i].shape);
		for (char *c = shape; *c != '\0'; c++)
			*c = *c == '\'' ? '"' : *c;
		json_t *expected = json_loads(shape, 0, NULL);
		assert_non_null(expected);
		json_array_foreach(rows, r, row)
		{
			if (strcmp(text_at(row, table[i].key), table[i].value) != 0)
				continue;
			found = true;
			json_object_foreach(expected, key,
				value) if (!json_equal(json_object_get(row, key), value))
				fail_msg("%s: %s is %s", table[i].value, key,
					json_dumps(json_object_get(row, key), JSON_ENCODE_ANY));
		}
		assert_true(found);
		json_decref(expected);
		json_decref(rows);
	}
}

static void
explain_says_where_it_ends(void **state)
{
	static const struct {
		uint32_t from, to;
		const char *route, *drop;
	} table[] = {
		{ IP(10, 0, 0, 1), IP(8, 8, 8, 8), NULL, "no_route" },
		{ IP(10, 0, 0, 1), IP(127, 0, 0, 1), NULL, "martian" },
		{ IP(10, 0, 0, 1), IP(10, 66, 1, 1), "10.66.0.0/16", "blackhole" },
		{ IP(10, 0, 0, 1), IP(10, 9, 1, 1), "10.9.0.0/16", "no_neighbor" },
		{ IP(10, 0, 0, 1), IP(192, 168, 50, 77), "192.168.50.0/24", "no_neighbor" },
		{ IP(10, 0, 0, 1), IP(192, 168, 50, 2), "192.168.50.0/24", NULL },
		{ IP(10, 0, 0, 1), IP(192, 0, 2, 1), "192.0.2.0/24", NULL },
		{ IP(10, 0, 0, 1), IP(192, 168, 50, 1), "192.168.50.1/32", NULL },
		{ IP(10, 0, 0, 1), IP(172, 16, 1, 1), "172.16.0.0/12", "no_sa" },
		{ IP(10, 0, 0, 1), IP(192, 168, 1, 1), "192.168.0.0/16", NULL },
		{ IP(11, 0, 0, 1), IP(192, 168, 1, 1), "192.168.0.0/16", "policy_out" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(table); i++) {
		json_t *answer = explain(table[i].from, table[i].to, 0);
		const char *route = text_at(answer, "route");
		const char *drop = text_at(answer, "drop");

		assert_true((route == NULL) == (table[i].route == NULL));
		if (route != NULL)
			assert_string_equal(route, table[i].route);
		assert_true((drop == NULL) == (table[i].drop == NULL));
		if (drop != NULL)
			assert_string_equal(drop, table[i].drop);
		assert_non_null(json_object_get(answer, "nexthop"));
		assert_non_null(json_object_get(answer, "bucket"));
		json_decref(answer);
	}
}

/* Each flow's tunnel and SPI fit together, both tunnels get flows, and a tunnel that is held down
 * gets none until it is back, when each flow is where it was. */
static void
tunnel_down_moves_its_flows_and_no_other(void **state)
{
	enum { FLOWS = 200 };
	bool second[FLOWS];
	unsigned n_second = 0;
	int fd = greet(rw_path);

	(void)state;
	for (unsigned phase = 0; phase < 3; phase++) {
		if (phase > 0)
			assert_int_equal(set_tunnel(fd, "conn1", phase == 1, NULL), 0);
		for (unsigned flow = 0; flow < FLOWS; flow++) {
			json_t *answer =
				explain(IP(10, 0, 0, 1), IP(192, 168, 1, 1), (uint16_t)flow);
			const char *tunnel = text_at(answer, "tunnel");
			bool is_second = strcmp(tunnel, "IPsec-VPN Connection 2") == 0;

			assert_string_equal(
				text_at(answer, "spi"), is_second ? "0x00001002" : "0x00001001");
			if (phase == 0) {
				second[flow] = is_second;
				n_second += is_second;
			}
			assert_true(phase == 1 ? is_second : is_second == second[flow]);
			json_decref(answer);
		}
	}
	assert_in_range(n_second, FLOWS / 4, FLOWS * 3 / 4);
	close(fd);
}

/* A client may send a change and go without waiting for its ack. */
static void
change_of_a_client_that_left_counts(void **state)
{
	int fd = greet(rw_path);
	struct netlink_writer writer;

	(void)state;
	begin(&writer, ESPALIER_TUNNEL_SET);
	netlink_put_text(&writer, ESPALIER_TUNNEL_NAME, "conn3");
	netlink_put_u8(&writer, ESPALIER_TUNNEL_DOWN, 1);
	send_off(fd, &writer);
	close(fd);
	pump();
	json_t *rows = show(ro_path, ESPALIER_SHOW_TUNNELS);
	assert_string_equal(text_at(json_array_get(rows, 2), "state"), "down");
	json_decref(rows);
	fd = greet(rw_path);
	assert_int_equal(set_tunnel(fd, "conn3", 0, NULL), 0);
	close(fd);
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

/* An outbox gives back what was put in, in order, and has an end. */
static void
outbox_is_bounded(void **state)
{
	struct outbox outbox = { 0 };
	uint8_t datagram[30000] = { 0 };
	unsigned put = 0;
	size_t bytes;

	(void)state;
	for (; outbox_put(&outbox, datagram, sizeof(datagram) - put) == 0; put++)
		datagram[0]++;
	assert_in_range(put, 30, 40);
	for (unsigned i = 0; i < put; i++) {
		assert_int_equal(outbox_peek(&outbox, &bytes)[0], i);
		assert_int_equal(bytes, sizeof(datagram) - i);
		outbox_pop(&outbox);
	}
	assert_true(outbox_empty(&outbox));
	assert_int_equal(outbox.bytes, 0);
}

static void
sockets_are_taken_over_with_care(void **state)
{
	char error[256], plain[96];
	struct stat status;

	(void)state;
	assert_int_equal(stat(rw_path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0660);
	assert_int_equal(stat(ro_path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0666);
	assert_int_equal(stat(directory, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0750);

	assert_null(control_open(gw, &facts, rw_path, error, sizeof(error)));
	assert_non_null(strstr(error, "another espalier listens"));

	snprintf(plain, sizeof(plain), "%s/plain", directory);
	close(open(plain, O_CREAT | O_WRONLY, 0600));
	assert_null(control_open(gw, &facts, plain, error, sizeof(error)));
	assert_non_null(strstr(error, "is no socket"));
	assert_int_equal(unlink(plain), 0);

	/* Sockets that nobody serves: as after a crash. */
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	memcpy(address.sun_path, plain, strlen(plain));
	int dead = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(bind(dead, (const struct sockaddr *)&address, sizeof(address)), 0);
	close(dead);
	struct control *second = control_open(gw, &facts, plain, error, sizeof(error));
	assert_non_null(second);
	control_close(second);
	assert_int_equal(access(plain, F_OK), -1);
}

static int
start(void **state)
{
	char error[256];

	(void)state;
	small_eal_init();
	gw = small_gateway_create();
	snprintf(directory, sizeof(directory), "/tmp/espalier-test-%d", getpid());
	snprintf(rw_path, sizeof(rw_path), "%s/control.sock", directory);
	assert_true(socket_path_ro(rw_path, ro_path, sizeof(ro_path)));
	control = control_open(gw, &facts, rw_path, error, sizeof(error));
	if (control == NULL)
		fail_msg("%s", error);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	control_close(control);
	gateway_destroy(gw);
	rmdir(directory);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_comes_first),
		cmocka_unit_test(bad_requests_are_refused_in_words),
		cmocka_unit_test(read_only_socket_changes_nothing),
		cmocka_unit_test(shows_have_their_keys),
		cmocka_unit_test(rows_have_their_shapes),
		cmocka_unit_test(explain_says_where_it_ends),
		cmocka_unit_test(tunnel_down_moves_its_flows_and_no_other),
		cmocka_unit_test(change_of_a_client_that_left_counts),
		cmocka_unit_test(slow_client_blocks_nobody),
		cmocka_unit_test(vanishing_client_harms_nobody),
		cmocka_unit_test(clients_are_counted),
		cmocka_unit_test(random_datagrams_are_survived),
		cmocka_unit_test(outbox_is_bounded),
		cmocka_unit_test(sockets_are_taken_over_with_care),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
