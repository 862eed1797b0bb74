/* SPDX-License-Identifier: BSD-3-Clause */

/* What the control socket tells: the rows of every show, and explain. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

#include <cmocka.h>
#include <jansson.h>

#include "control_bench.h"
#include "drops.h"
#include "netlink.h"
#include "nexthop.h"
#include "protocol.h"
#include "route.h"

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
			"drops:i loop_us:o loop_histogram:a" },
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

			json_array_foreach (rows, r, row) {
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
static const struct {
	uint32_t subject;
	const char *key, *value; /* finds the row */
	const char *shape;       /* must be part of it */
} shapes[] = {
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
	{ ESPALIER_SHOW_ROUTES, "prefix", "10.66.0.0/16", "{'nexthops': [{'drop': true}]}" },
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
	{ ESPALIER_SHOW_TUNNELS, "name", "conn3", "{'state': 'no-sa', 'blocked': 'no_sa'}" },
	{ ESPALIER_SHOW_NEIGHBORS, "address", "203.0.113.1",
		"{'port': 'wan0', 'mac': '02:00:00:00:00:03', 'state': 'valid'}" },
	{ ESPALIER_SHOW_NEIGHBORS, "address", "192.168.50.9",
		"{'port': 'lan0', 'mac': null, 'state': 'unresolved'}" },
	{ ESPALIER_SHOW_PORTS, "name", "lan0",
		"{'mtu': 1500, 'addresses': ['192.168.50.1/24'], 'rx_missed': null, 'tx_full': "
		"0}" },
};

static void
rows_have_their_shapes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(shapes); i++) {
		json_t *rows = show(ro_path, shapes[i].subject);
		char shape[512];
		json_t *row, *value;
		const char *key;
		bool found = false;
		size_t r;

		snprintf(shape, sizeof(shape), "%s", shapes[i].shape);
		for (char *c = shape; *c != '\0'; c++)
			*c = *c == '\'' ? '"' : *c;
		json_t *expected = json_loads(shape, 0, NULL);
		assert_non_null(expected);
		json_array_foreach (rows, r, row) {
			if (strcmp(text_at(row, shapes[i].key), shapes[i].value) != 0)
				continue;
			found = true;
			json_object_foreach (expected, key, value)
				if (!json_equal(json_object_get(row, key), value))
					fail_msg("%s: %s is %s", shapes[i].value, key,
						json_dumps(json_object_get(row, key),
							JSON_ENCODE_ANY));
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

/* Set, or taken away again. */
static void
change_long_route(enum route_op op)
{
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];
	struct route_change change = {
		.op = op,
		.route = { .prefix = { IP(10, 9, 0, 0), 16 }, .table = ROUTE_TABLE_MAIN },
	};

	for (unsigned i = 0; i < GROUP_MEMBERS_MAX; i++)
		ways[i] = (struct nexthop_spec) {
			.kind = NEXTHOP_GATEWAY, .gateway = IP(100, 100, 100, 100 + i), .weight = 1
		};
	if (op == ROUTE_SET)
		change.route.nexthop =
			(uint32_t)nexthop_acquire(gw, ways, GROUP_MEMBERS_MAX, NEXTHOP_NONE);
	assert_int_equal(route_apply(gw, &change, 1), 0);
}

/* A row that is longer than the datagrams of a listing is in it all the same, once. */
static void
a_long_row_comes_alone(void **state)
{
	unsigned before = 0, after = 0, seen = 0;
	json_t *rows = show(ro_path, ESPALIER_SHOW_GROUPS);

	(void)state;
	before = (unsigned)json_array_size(rows);
	json_decref(rows);
	change_long_route(ROUTE_SET);
	rows = show(ro_path, ESPALIER_SHOW_GROUPS);
	after = (unsigned)json_array_size(rows);
	for (unsigned i = 0; i < after; i++) {
		char *text = json_dumps(json_array_get(rows, i), JSON_COMPACT);

		seen += strlen(text) > 4096;
		free(text);
	}
	assert_int_equal(after, before + 1);
	assert_int_equal(seen, 1);
	json_decref(rows);
	change_long_route(ROUTE_DELETE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_have_their_keys),
		cmocka_unit_test(rows_have_their_shapes),
		cmocka_unit_test(explain_says_where_it_ends),
		cmocka_unit_test(tunnel_down_moves_its_flows_and_no_other),
		cmocka_unit_test(a_long_row_comes_alone),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
