/* SPDX-License-Identifier: BSD-3-Clause */

/* What the configuration reader says about wrong files: each rule alone, in exact words and at the
 * right line. */

#include "config_rows.h"

#define HEX64 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define NAME_63 "123456789 123456789 123456789 123456789 123456789 123456789 123"

static const struct row gateway_rows[] = {
	{ "name = \"gw\"", "name = \"\"", "name = \"\": it is 0 bytes long; 1 to 63 are possible" },
	{ "name = \"gw\"", "name = \"" NAME_63 "x\"",
		"name = \"123456789 123456789 123456789 123456789 123456789 123456789 ...\": it is "
		"64 bytes long; 1 to 63 are possible" },
	{ "name = \"gw\"", "name = \"a\\nb\"",
		"name = \"a?b\": it holds a control character, or bytes that are not UTF-8" },
	{ "name = \"gw\"", "name = \"a\\xFFb\"",
		"name = \"a?b\": it holds a control character, or bytes that are not UTF-8" },
	{ "name = \"gw\"", "name = 5", "name = 5: it must be a string, in quotes" },
	{ "name = \"gw\"", "nmae = \"gw\"",
		"the gateway has no setting \"nmae\"; did you mean \"name\"?" },
	{ "name = \"gw\"", "colour = \"red\"",
		"the gateway has no setting \"colour\"; it has: name, control_socket, "
		"kernel_netns, hash_seed, "
		"max_routes, max_tbl8" },
	{ "hash_seed = 1", "hash_seed = 1; kernel_netns = \"a/b\"",
		"kernel_netns = \"a/b\": it must be the name of a network namespace, as \"ip "
		"netns\" "
		"knows it, or an absolute path" },
	{ "hash_seed = 1", "hash_seed = -1", "hash_seed = -1: it must be from 0 to 4294967295" },
	{ "hash_seed = 1", "hash_seed = 4294967296",
		"hash_seed = 4294967296: it must be from 0 to 4294967295" },
	{ "hash_seed = 1", "hash_seed = 0x100000001",
		"hash_seed = 0x100000001: it must be from 0 to 4294967295" },
	{ "hash_seed = 1", "hash_seed = 0xFFFFFFFFFFFFFFFFFFFF",
		"hash_seed = 0xFFFFFFFFFFFFFFFF or more: it must be from 0 to 4294967295" },
	{ "hash_seed = 1", "hash_seed = 1.0", "hash_seed = 1: it must be a whole number" },
	{ "hash_seed = 1", "hash_seed = true", "hash_seed = true: it must be a whole number" },
	{ "hash_seed = 1", "max_routes = 63", "max_routes = 63: it must be from 64 to 16777216" },
	{ "hash_seed = 1", "max_tbl8 = 8388609",
		"max_tbl8 = 8388609: it must be from 1 to 8388608" },
	{ "hash_seed = 1", "control_socket = \"run/x\"",
		"control_socket = \"run/x\": it must be the absolute path of a socket, such as "
		"/run/espalier/control.sock" },
	{ "hash_seed = 1", "control_socket = \"/" HEX64 "/" NAME_63 "\"",
		"control_socket = (not shown: it may be a key): it is 129 bytes long; 2 to 103 are "
		"possible" },
	{ "gateway: {\n  name", "gateways: {\n  name",
		"there is no section \"gateways\"; did you mean \"gateway\"?" },
	{ "gateway: {\n  name", "logging: {\n  name",
		"there is no section \"logging\"; there are: gateway, ports, tunnels, routes, "
		"neighbors, security_associations" },
};

static const struct row port_rows[] = {
	{ "device = \"net_pcap0\";", "", "a port needs the setting \"device\"" },
	{ "device = \"net_pcap1\"", "device = \"net_pcap0\"",
		"device = \"net_pcap0\": the device is taken already, at " FILE_NAME ":6" },
	{ "mtu = 1500", "mtu = 67", "mtu = 67: it must be from 68 to 9600" },
	{ "mtu = 1500", "mtu = 9601", "mtu = 9601: it must be from 68 to 9600" },
	{ "mtu = 1500; }", "mtu = 1500; }, 7", "ports = 7: each element must be a group: { ... }" },
	{ "[\"192.168.50.1/24\"]", "\"192.168.50.1/24\"",
		"addresses = \"192.168.50.1/24\": it must be an array of strings: [\"a.b.c.d/n\", "
		"...]" },
	/* libconfig would say that the last string of an array stands where the "]" does. */
	{ "      \"198.51.100.213/24\"", "      \"198.51.100.213/33\"",
		"addresses = \"198.51.100.213/33\": the prefix length is 33; /0 to /32 is "
		"allowed" },
	{ "198.51.100.213/24", "198.51.100.213",
		"addresses = \"198.51.100.213\": it has no prefix length; write for example "
		"198.51.100.213/24, or 198.51.100.213/32 for one address" },
	{ "198.51.100.213/24", "198.51.100.213/255.255.255.0",
		"addresses = \"198.51.100.213/255.255.255.0\": a mask is written as the number of "
		"its bits; 255.255.255.0 is /24" },
	{ "198.51.100.213/24", "198.51.100.213/255.0.255.0",
		"addresses = \"198.51.100.213/255.0.255.0\": 255.0.255.0 is not a mask, for its "
		"ones are not all in front; write /0 to /32" },
	{ "198.51.100.213/24", "198.51.100.213/x",
		"addresses = \"198.51.100.213/x\": the prefix length is not a number; /0 to /32 is "
		"allowed" },
	{ "198.51.100.213/24", "198.51.100.213/0",
		"addresses = \"198.51.100.213/0\": a network of length /0 is everything; /1 to /32 "
		"is allowed" },
	{ "198.51.100.213/24", "198.51.100.256/24",
		"addresses = \"198.51.100.256/24\": not an IPv4 address; write it as a.b.c.d, each "
		"0 to 255, without leading zeros" },
	{ "198.51.100.213/24", "2001:db8::1/64",
		"addresses = \"2001:db8::1/64\": IPv6 is not in this version; write an IPv4 "
		"address "
		"as a.b.c.d" },
	{ "198.51.100.213/24", "198.51.100.255/24",
		"addresses = \"198.51.100.255/24\": that is the network or broadcast address of "
		"198.51.100.0/24; give one between them" },
	{ "198.51.100.213/24", "127.0.0.1/8",
		"addresses = \"127.0.0.1/8\": no host can have that address; it is unspecified, "
		"loopback, multicast or reserved" },
	{ "198.51.100.213/24", "203.0.113.191/24",
		"addresses = \"203.0.113.191/24\": the address is taken already, at " FILE_NAME
		":11" },
	{ "198.51.100.213/24", "192.168.50.129/25",
		"addresses = \"192.168.50.129/25\": its network overlaps 192.168.50.1/24 of port "
		"\"lan0\"; each port needs networks of its own" },
	{ "198.51.100.213/24", "192.168.51.1/16",
		"addresses = \"192.168.51.1/16\": its network overlaps 192.168.50.1/24 of port "
		"\"lan0\"; each port needs networks of its own" },
};

static const struct row tunnel_rows[] = {
	{ "remote = \"%any\"; }",
		"remote = \"%any\"; },\n  { name = \"conn1\"; if_id = 3; local = "
		"\"203.0.113.191\"; remote = \"%any\"; }",
		"name = \"conn1\": the name is taken already, at " FILE_NAME ":15", 1 },
	{ "if_id = 2;", "if_id = 2; interface = \"conn1\";",
		"interface = \"conn1\": the interface name is taken already, at " FILE_NAME ":15" },
	{ "remote = \"%any\"; }",
		"remote = \"%any\"; },\n  { name = \"lan0\"; if_id = 3; local = "
		"\"203.0.113.191\"; remote = \"%any\"; }",
		"name = \"lan0\": the interface name that follows from it (give another as "
		"\"interface\") is taken already, at " FILE_NAME ":6",
		1 },
	{ "if_id = 2;", "if_id = 2; interface = \"a tunnel\";",
		"interface = \"a tunnel\": no interface can be called that: 1 to 15 printable "
		"characters, without blanks and / : % \" ' \\" },
	{ "if_id = 2", "if_id = 1", "if_id = 1: the if_id is taken already, at " FILE_NAME ":15" },
	{ "if_id = 2", "if_id = 0", "if_id = 0: it must be from 1 to 4294967295" },
	{ "if_id = 2;", "", "a tunnel needs the setting \"if_id\"" },
	{ "local = \"203.0.113.191\"", "local = \"203.0.113.192\"",
		"local = \"203.0.113.192\": no port has that address; add it to the addresses of "
		"one, or give one of theirs" },
	{ "local = \"203.0.113.191\"", "local = \"203.0.113.191/24\"",
		"local = \"203.0.113.191/24\": one address is wanted here, without a prefix "
		"length" },
	{ "remote = \"192.0.2.1\"", "remote = \"192.0.2.01\"",
		"remote = \"192.0.2.01\": not an IPv4 address; write it as a.b.c.d, each 0 to 255, "
		"without leading zeros" },
	{ "remote = \"192.0.2.1\"", "remote = \"::1\"",
		"remote = \"::1\": IPv6 is not in this version; write an IPv4 address as a.b.c.d" },
	{ "remote = \"192.0.2.1\"", "remote = \"224.0.0.5\"",
		"remote = \"224.0.0.5\": no host can have that address; it is unspecified, "
		"loopback, multicast or reserved" },
	{ "remote = \"192.0.2.1\"", "remote = \"198.51.100.213\"",
		"remote = \"198.51.100.213\": that is an address of this gateway itself; give the "
		"other end's, or \"%any\"" },
	{ "[\"169.254.10.1/30\"]", "[\"192.168.50.1/30\"]",
		"addresses = \"192.168.50.1/30\": the address is taken already, at " FILE_NAME
		":7" },
	{ "liveness_ms = 0", "liveness_ms = 9",
		"liveness_ms = 9: it must be 0 (off) or from 10 to 3600000" },
	{ "liveness_ms = 0", "liveness_ms = 3600001",
		"liveness_ms = 3600001: it must be from 0 to 3600000" },
	{ "local = \"10.0.0.0/8\"", "local = \"10.0.0.1/8\"",
		"local = \"10.0.0.1/8\": bits are set behind the prefix length; the prefix is "
		"\"10.0.0.0/8\"" },
	{ "local = \"10.0.0.0/8\";", "", "a selector needs the setting \"local\"" },
};

static const struct row route_rows[] = {
	{ "prefix = \"10.0.0.0/16\"", "prefix = \"10.0.1.2/16\"",
		"prefix = \"10.0.1.2/16\": bits are set behind the prefix length; the prefix is "
		"\"10.0.0.0/16\"" },
	{ "prefix = \"10.0.0.0/16\"", "prefix = \"192.168.0.0/16\"",
		"prefix = \"192.168.0.0/16\": the prefix (all next hops of a prefix stand in one "
		"route) is taken already, at " FILE_NAME ":25" },
	{ "prefix = \"10.0.0.0/16\";", "", "a route needs the setting \"prefix\"" },
	{ "tunnel = \"conn2\"; }", "tunnel = \"conn3\"; }",
		"tunnel = \"conn3\": there is no tunnel of that name; did you mean \"conn1\"?" },
	{ "tunnel = \"conn2\"; }", "tunnel = \"Frankfurt\"; }",
		"tunnel = \"Frankfurt\": there is no tunnel of that name; give one of those under "
		"\"tunnels\"" },
	{ "port = \"lan0\"; gateway", "port = \"lan1\"; gateway",
		"port = \"lan1\": there is no port of that name; did you mean \"lan0\"?" },
	{ "weight = 1", "weight = 0", "weight = 0: it must be from 1 to 256" },
	{ "weight = 1", "weight = 257", "weight = 257: it must be from 1 to 256" },
	{ "{ tunnel = \"conn2\"; }", "{ weight = 2; }",
		"a next hop is exactly one of: tunnel, port (with or without gateway), drop = "
		"true" },
	{ "{ tunnel = \"conn2\"; }", "{ drop = true; }",
		"a next hop that drops must be the only one: beside others it would take its share "
		"of the flows" },
	{ "{ tunnel = \"conn2\"; }", "{ tunnel = \"conn2\"; drop = true; }",
		"a next hop is exactly one of: tunnel, port (with or without gateway), drop = "
		"true" },
	{ "{ tunnel = \"conn2\"; }", "{ tunnel = \"conn2\"; port = \"lan0\"; }",
		"a next hop is exactly one of: tunnel, port (with or without gateway), drop = "
		"true" },
	{ "{ tunnel = \"conn2\"; }", "{ drop = false; }",
		"drop = false: only true has a meaning; leave it out" },
	{ "{ tunnel = \"conn2\"; }", "{ tunnel = \"conn2\"; gateway = \"192.168.50.2\"; }",
		"gateway: only a next hop with \"port\" can have one" },
	{ "gateway = \"192.168.50.2\"", "gateway = \"192.168.51.2\"",
		"gateway = \"192.168.51.2\": it must be a host in a network of port \"lan0\", "
		"whose "
		"addresses are: 192.168.50.1/24" },
	{ "gateway = \"192.168.50.2\"", "gateway = \"192.168.50.255\"",
		"gateway = \"192.168.50.255\": it must be a host in a network of port \"lan0\", "
		"whose addresses are: 192.168.50.1/24" },
	{ "gateway = \"192.168.50.2\"", "gateway = \"192.168.50.1\"",
		"gateway = \"192.168.50.1\": that is an address of this gateway itself; give the "
		"neighbor's" },
	{ "(\n    { port = \"lan0\"; gateway = \"192.168.50.2\"; } )", "()",
		"nexthops: the list is empty; to drop packets say ( { drop = true; } )" },
	{ "(\n    { port = \"lan0\"; gateway = \"192.168.50.2\"; } )", "\"lan0\"",
		"nexthops = \"lan0\": it must be a list: ( { ... }, { ... } )" },
};

static const struct row neighbor_rows[] = {
	{ "mac = \"02:00:00:00:00:02\"", "mac = \"02:00:00:00:00\"",
		"mac = \"02:00:00:00:00\": not a link-layer address; write six bytes as "
		"02:00:00:00:00:01" },
	{ "mac = \"02:00:00:00:00:02\"", "mac = \"01:00:5e:00:00:01\"",
		"mac = \"01:00:5e:00:00:01\": a group or all-zero address; a neighbor has a single "
		"station's, its first byte even" },
	{ "mac = \"02:00:00:00:00:02\";", "", "a neighbor needs the setting \"mac\"", -1 },
	{ "address = \"192.168.50.2\"", "address = \"192.168.50.1\"",
		"address = \"192.168.50.1\": that is an address of this gateway itself, no "
		"neighbor" },
	{ "port = \"wan0\"; address = \"203.0.113.1\"",
		"port = \"lan0\"; address = \"192.168.50.2\"",
		"address = \"192.168.50.2\": the address, on that port, is taken already, "
		"at " FILE_NAME ":31" },
};

static const struct row sa_rows[] = {
	{ "direction = \"out\"", "direction = \"both\"",
		"direction = \"both\": it must be \"in\" or \"out\"" },
	{ "spi = 0x1001", "spi = 255",
		"spi = 255: it must be from 0x100 to 0xFFFFFFFF; those below are reserved (RFC "
		"4303 "
		"2.1)" },
	{ "spi = 0x1001", "spi = -2147483648",
		"spi = -2147483648: it must be from 0x100 to 0xFFFFFFFF; those below are reserved "
		"(RFC 4303 2.1)" },
	{ "spi = 0x1001", "spi = 0x100000000",
		"spi = 0x100000000: it must be from 0x100 to 0xFFFFFFFF; those below are reserved "
		"(RFC 4303 2.1)" },
	{ "spi = 0x1001", "spi = \"0x100000000\"",
		"spi = \"0x100000000\": it must be from 0x100 to 0xFFFFFFFF; those below are "
		"reserved (RFC 4303 2.1)" },
	{ "spi = 0x1001", "spi = \"1001h\"",
		"spi = \"1001h\": an SPI is a number of 32 bits, such as 0x1001 or 4097" },
	{ "spi = 0x1001", "spi = \"" HEX64 "\"",
		"spi = (not shown: it may be a key): an SPI is a number of 32 bits, such as 0x1001 "
		"or 4097" },
	{ "encryption = \"aes128-cbc\"", "encryption = \"3des\"",
		"encryption = \"3des\": it must be one of: aes128-cbc, aes192-cbc, aes256-cbc, "
		"aes128-gcm, aes192-gcm, aes256-gcm, chacha20-poly1305" },
	{ "encryption = \"aes128-cbc\"", "encryption = \"" HEX64 "\"",
		"encryption = (not shown: it may be a key): it must be one of: aes128-cbc, "
		"aes192-cbc, aes256-cbc, aes128-gcm, aes192-gcm, aes256-gcm, chacha20-poly1305" },
	{ "authentication = \"hmac-sha1-96\"", "authentication = \"md5\"",
		"authentication = \"md5\": it must be one of: hmac-sha1-96, hmac-sha256-128, "
		"hmac-sha384-192, hmac-sha512-256" },
	{ "encryption = \"aes128-cbc\"", "encryption = \"aes192-cbc\"",
		"encryption_key: it has 32 hexadecimal digits, but aes192-cbc wants 48: a key of "
		"24 "
		"bytes",
		1 },
	{ "encryption = \"aes128-gcm\"", "encryption = \"aes256-gcm\"",
		"encryption_key: it has 40 hexadecimal digits, but aes256-gcm wants 72: a key of "
		"32 "
		"bytes, then a salt of 4",
		1 },
	{ "\"000102030405060708090a0b0c0d0e0f\"", "\"0x0102030405060708090a0b0c0d0e0f\"",
		"encryption_key: it must consist of hexadecimal digits alone, without 0x or "
		"blanks" },
	{ "\"000102030405060708090a0b0c0d0e0f\"", "\"0001020304050607\" \"08090a0b0c0d0e0f\"",
		"encryption_key: it must be one string of hexadecimal digits, not several" },
	{ "\"000102030405060708090a0b0c0d0e0f\"", "[\"000102030405060708090a0b0c0d0e0f\"]",
		"encryption_key: it must be a string, in quotes" },
	{ "    encryption_key = \"000102030405060708090a0b0c0d0e0f\";\n", "",
		"a security association needs the setting \"encryption_key\"", -3 },
	{ "    authentication = \"hmac-sha1-96\";\n", "",
		"a security association with aes128-cbc needs the setting \"authentication\", one "
		"of: hmac-sha1-96, hmac-sha256-128, hmac-sha384-192, hmac-sha512-256",
		-4 },
	{ "    replay_window = 64;", "    authentication = \"hmac-sha1-96\";",
		"authentication: aes128-gcm authenticates by itself; leave it out" },
	{ "    replay_window = 64;", "    authentication_key = \"00\";",
		"authentication_key: aes128-gcm authenticates by itself; leave it out" },
	{ "replay_window = 64", "replay_window = 63",
		"replay_window = 63: it must be 0 (no replay check) or from 64 to 8192; the "
		"minimum "
		"is 64" },
	{ "replay_window = 64", "replay_window = 8193",
		"replay_window = 8193: it must be from 0 to 8192" },
	{ "replay_window = 64", "replay_window = 0; esn = true",
		"replay_window = 0 cannot go with esn = true; give it 64 or more", -4 },
	{ "replay_window = 64", "esn = 1", "esn = 1: it must be true or false" },
	{ "replay_window = 64", "sequence = 4294967296",
		"sequence = 4294967296: without esn = true it must be from 0 to 4294967295" },
	{ "replay_window = 64", "sequence = 99999999999999999999; esn = true",
		"sequence = 9223372036854775807 or more: it must be from 0 to "
		"9223372036854775806" },
	{ "replay_window = 64", "encap_sport = 4500",
		"encap_sport and encap_dport: give both (NAT traversal) or none", -4 },
	{ "replay_window = 64", "encap_sport = 4500; encap_dport = 65536",
		"encap_dport = 65536: it must be from 1 to 65535" },
	{ "remote = \"192.0.2.2\";", "",
		"a security association needs the setting \"remote\" where its tunnel's is "
		"\"%any\"" },
	{ "spi = 0x1001", "spi = 0x1001; remote = \"192.0.2.9\"",
		"remote = \"192.0.2.9\": its tunnel has another remote address; leave this one "
		"out" },
	{ "tunnel = \"conn2\"; direction = \"in\"; remote = \"192.0.2.2\";\n    spi = 0x2001",
		"tunnel = \"conn1\"; direction = \"out\";\n    spi = 4097",
		"spi = 4097: the SPI, outbound to that remote address, is taken already, "
		"at " FILE_NAME ":37",
		1 },
	{ "replay_window = 64;",
		"replay_window = 64; }, { tunnel = \"conn1\"; direction = \"in\"; "
		"encryption = \"chacha20-poly1305\"; spi = \"0x2001\"; "
		"encryption_key = \"" HEX64 "00010203\";",
		"spi = \"0x2001\": the SPI, inbound to that local address, is taken already, "
		"at " FILE_NAME ":43" },
};

static void
good_file_is_good(void **state)
{
	struct said said = load_text(good);

	(void)state;
	assert_int_equal(said.result, CONFIG_GOOD);
	said_clear(&said);
}

#define TEST_ROWS(rows) \
	static void rows##_are_told(void **state) \
	{ \
		(void)state; \
		for (unsigned i = 0; i < ARRAY_LEN(rows); i++) \
			row_check(&rows[i], CONFIG_RULES_BROKEN, ""); \
	}
TEST_ROWS(gateway_rows)
TEST_ROWS(port_rows)
TEST_ROWS(tunnel_rows)
TEST_ROWS(route_rows)
TEST_ROWS(neighbor_rows)
TEST_ROWS(sa_rows)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_file_is_good),
		cmocka_unit_test(gateway_rows_are_told),
		cmocka_unit_test(port_rows_are_told),
		cmocka_unit_test(tunnel_rows_are_told),
		cmocka_unit_test(route_rows_are_told),
		cmocka_unit_test(neighbor_rows_are_told),
		cmocka_unit_test(sa_rows_are_told),
	};

	return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
