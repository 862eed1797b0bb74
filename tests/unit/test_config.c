/* SPDX-License-Identifier: BSD-3-Clause */

/* The configuration reader: good files, the shipped examples, includes. */

#include "config_file.h"

#include "compiler.h"

/* The sample of the manual, with what else a file can hold. */
static const char sample[] =
	"gateway: { name = \"hangzhou-tr\"; control_socket = \"/run/espalier/control.sock\"; "
	"hash_seed = "
	"1; };\n"
	"ports: (\n"
	"  { name = \"lan0\"; device = \"net_pcap0\"; addresses = [\"192.168.50.1/24\"]; mtu = "
	"1400; "
	"},\n"
	"  { name = \"wan0\"; device = \"net_pcap1\"; addresses = [\"203.0.113.191/24\", "
	"\"203.0.113.192/24\"]; } );\n"
	"tunnels: (\n"
	"  { name = \"conn1\"; if_id = 1; local = \"203.0.113.191\"; remote = \"192.0.2.1\"; "
	"addresses "
	"= [\"169.254.10.1/30\"]; liveness_ms = 10;\n"
	"    selectors = ( { local = \"10.0.0.0/8\"; remote = \"192.168.0.0/16\"; } ); },\n"
	"  { name = \"IPsec-VPN Connection 2\"; if_id = 0xC0000001; local = \"203.0.113.191\"; "
	"remote "
	"= \"%any\"; } );\n"
	"routes: (\n"
	"  { prefix = \"192.168.0.0/16\"; nexthops = ( { tunnel = \"conn1\"; weight = 256; }, { "
	"tunnel "
	"= \"IPsec-VPN Connection 2\"; } ); },\n"
	"  { prefix = \"10.0.0.0/16\"; nexthops = ( { port = \"lan0\"; gateway = \"192.168.50.2\"; "
	"} ); "
	"},\n"
	"  { prefix = \"10.1.0.0/16\"; nexthops = ( { port = \"lan0\"; } ); },\n"
	"  { prefix = \"10.2.0.0/16\"; nexthops = ( { drop = true; } ); },\n"
	"  { prefix = \"0.0.0.0/0\"; nexthops = ( { port = \"wan0\"; gateway = \"203.0.113.1\"; } "
	"); } "
	");\n"
	"neighbors: (\n"
	"  { port = \"lan0\"; address = \"192.168.50.2\"; mac = \"02:00:00:00:00:02\"; },\n"
	"  { port = \"wan0\"; address = \"203.0.113.1\"; mac = \"02:00:00:00:0A:fb\"; } );\n"
	"security_associations: (\n"
	"  { tunnel = \"conn1\"; direction = \"out\"; spi = 0x1001; encryption = \"aes128-cbc\";\n"
	"    encryption_key = \"000102030405060708090a0b0c0d0e0f\";\n"
	"    authentication = \"hmac-sha1-96\"; authentication_key = "
	"\"000102030405060708090a0b0c0d0e0f10111213\";\n"
	"    esn = false; replay_window = 1024; },\n"
	"  { tunnel = \"IPsec-VPN Connection 2\"; direction = \"in\"; spi = \"0xC0000001\"; remote "
	"= "
	"\"198.51.100.7\";\n"
	"    encryption = \"aes256-gcm\"; encryption_key =\n"
	"      \"000102030405060708090A0B0C0D0E0F101112131415161718191a1b1c1d1e1fA0A1A2A3\";\n"
	"    esn = true; replay_window = 8192; sequence = 0x123456789ABL; encap_sport = 4500; "
	"encap_dport = 4501;\n"
	"    lifetime_packets = 1; lifetime_bytes = 5000000000; lifetime_seconds = 86400; } );\n";

static void
assert_prefix(struct prefix prefix, uint32_t address, unsigned bits)
{
	assert_int_equal(prefix.address, address);
	assert_int_equal(prefix.bits, bits);
}

static void
check_ports(const struct config *config)
{
	const struct config_port *ports = config->ports;

	assert_int_equal(config->n_ports, 2);
	assert_int_equal(ports[0].line, 3);
	assert_string_equal(ports[0].name, "lan0");
	assert_string_equal(ports[0].device, "net_pcap0");
	assert_int_equal(ports[0].mtu, 1400);
	assert_int_equal(ports[0].n_addresses, 1);
	assert_prefix(ports[0].addresses[0], 0xC0A83201, 24);
	assert_int_equal(ports[1].line, 4);
	assert_int_equal(ports[1].mtu, 1500);
	assert_int_equal(ports[1].n_addresses, 2);
	assert_prefix(ports[1].addresses[1], 0xCB0071C0, 24);
}

static void
check_tunnels(const struct config *config)
{
	const struct config_tunnel *tunnels = config->tunnels;

	assert_int_equal(config->n_tunnels, 2);
	assert_int_equal(tunnels[0].line, 6);
	assert_string_equal(tunnels[0].name, "conn1");
	assert_int_equal(tunnels[0].if_id, 1);
	assert_int_equal(tunnels[0].local, 0xCB0071BF);
	assert_int_equal(tunnels[0].remote, 0xC0000201);
	assert_int_equal(tunnels[0].liveness_ms, 10);
	assert_int_equal(tunnels[0].n_addresses, 1);
	assert_prefix(tunnels[0].addresses[0], 0xA9FE0A01, 30);
	assert_int_equal(tunnels[0].n_selectors, 1);
	assert_prefix(tunnels[0].selectors[0].local, 0x0A000000, 8);
	assert_prefix(tunnels[0].selectors[0].remote, 0xC0A80000, 16);
	assert_int_equal(tunnels[1].line, 8);
	assert_string_equal(tunnels[1].name, "IPsec-VPN Connection 2");
	assert_int_equal(tunnels[1].if_id, 0xC0000001);
	assert_int_equal(tunnels[1].remote, 0);
	assert_int_equal(tunnels[1].liveness_ms, 0);
	assert_int_equal(tunnels[1].n_addresses, 0);
	assert_int_equal(tunnels[1].n_selectors, 0);
}

static void
check_routes(const struct config *config)
{
	const struct config_route *routes = config->routes;

	assert_int_equal(config->n_routes, 5);
	assert_int_equal(routes[0].line, 10);
	assert_prefix(routes[0].prefix, 0xC0A80000, 16);
	assert_int_equal(routes[0].n_nexthops, 2);
	assert_int_equal(routes[0].nexthops[0].kind, CONFIG_VIA_TUNNEL);
	assert_int_equal(routes[0].nexthops[0].tunnel, 0);
	assert_int_equal(routes[0].nexthops[0].weight, 256);
	assert_int_equal(routes[0].nexthops[1].tunnel, 1);
	assert_int_equal(routes[0].nexthops[1].weight, 1);
	assert_int_equal(routes[1].nexthops[0].kind, CONFIG_VIA_GATEWAY);
	assert_int_equal(routes[1].nexthops[0].port, 0);
	assert_int_equal(routes[1].nexthops[0].gateway, 0xC0A83202);
	assert_int_equal(routes[2].nexthops[0].kind, CONFIG_VIA_PORT);
	assert_int_equal(routes[3].nexthops[0].kind, CONFIG_VIA_DROP);
	assert_prefix(routes[4].prefix, 0, 0);
	assert_int_equal(routes[4].nexthops[0].port, 1);
}

static void
check_neighbors(const struct config *config)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0x0A, 0xFB };

	assert_int_equal(config->n_neighbors, 2);
	assert_int_equal(config->neighbors[1].line, 17);
	assert_int_equal(config->neighbors[0].port, 0);
	assert_int_equal(config->neighbors[0].address, 0xC0A83202);
	assert_int_equal(config->neighbors[1].port, 1);
	assert_memory_equal(config->neighbors[1].mac, mac, sizeof(mac));
}

static void
check_sas(const struct config *config)
{
	const struct config_sa *out = &config->sas[0], *in = &config->sas[1];

	assert_int_equal(config->n_sas, 2);
	assert_int_equal(out->line, 19);
	assert_int_equal(out->tunnel, 0);
	assert_true(out->outbound);
	assert_int_equal(out->spi, 0x1001);
	assert_int_equal(out->remote, 0xC0000201);
	assert_string_equal(out->suite.encryption->name, "aes128-cbc");
	assert_string_equal(out->suite.authentication->name, "hmac-sha1-96");
	for (unsigned i = 0; i < sizeof(out->encryption_key); i++)
		assert_int_equal(out->encryption_key[i], i < 16 ? i : 0);
	for (unsigned i = 0; i < sizeof(out->authentication_key); i++)
		assert_int_equal(out->authentication_key[i], i < 20 ? i : 0);
	assert_false(out->esn);
	assert_int_equal(out->replay_window, 0); /* inbound only */
	assert_int_equal(out->sequence, 0);
	assert_int_equal(out->encap_sport, 0);
	assert_int_equal(out->lifetime_packets, 0);

	assert_int_equal(in->line, 23);
	assert_int_equal(in->tunnel, 1);
	assert_false(in->outbound);
	assert_int_equal(in->spi, 0xC0000001);
	assert_int_equal(in->remote, 0xC6336407);
	assert_string_equal(in->suite.encryption->name, "aes256-gcm");
	assert_null(in->suite.authentication);
	for (unsigned i = 0; i < 36; i++)
		assert_int_equal(in->encryption_key[i], i < 32 ? i : 0xA0 + i - 32);
	assert_true(in->esn);
	assert_int_equal(in->replay_window, 8192);
	assert_int_equal(in->sequence, 0x123456789AB);
	assert_int_equal(in->encap_sport, 4500);
	assert_int_equal(in->encap_dport, 4501);
	assert_int_equal(in->lifetime_packets, 1);
	assert_int_equal(in->lifetime_bytes, 5000000000);
	assert_int_equal(in->lifetime_seconds, 86400);
}

static void
sample_is_read(void **state)
{
	struct said said = load_text(sample);

	(void)state;
	for (unsigned i = 0; i < said.n; i++)
		print_message("%s\n", said.lines[i]);
	assert_int_equal(said.result, CONFIG_GOOD);
	assert_string_equal(said.config->name, "hangzhou-tr");
	assert_string_equal(said.config->control_socket, "/run/espalier/control.sock");
	assert_true(said.config->hash_seed_given);
	assert_int_equal(said.config->hash_seed, 1);
	check_ports(said.config);
	check_tunnels(said.config);
	check_routes(said.config);
	check_neighbors(said.config);
	check_sas(said.config);
	said_clear(&said);
}

static void
defaults_are_set(void **state)
{
	struct said said = load_text("ports: ( { name = \"p\"; device = \"0\"; } );");

	(void)state;
	assert_int_equal(said.result, CONFIG_GOOD);
	assert_string_equal(said.config->name, "espalier");
	assert_string_equal(said.config->control_socket, "/run/espalier/control.sock");
	assert_false(said.config->hash_seed_given);
	assert_int_equal(said.config->max_routes, 2097152);
	assert_int_equal(said.config->max_tbl8, 8192);
	assert_int_equal(said.config->n_ports, 1);
	assert_int_equal(said.config->ports[0].mtu, 1500);
	said_clear(&said);
}

/* Sections stand in any order: names are looked up when all are known. */
static void
order_is_free(void **state)
{
	struct said said = load_text(
		"routes: ( { nexthops = ( { weight = 2; tunnel = \"t\"; } ); prefix = "
		"\"10.0.0.0/8\"; } );\n"
		"tunnels: ( { remote = \"192.0.2.2\"; local = \"192.0.2.1\"; if_id = 1; name = "
		"\"t\"; } );\n"
		"ports: ( { addresses = [ \"192.0.2.1/24\" ]; device = \"0\"; name = \"p\"; } );");

	(void)state;
	assert_int_equal(said.result, CONFIG_GOOD);
	said_clear(&said);
}

static void
examples_are_good(void **state)
{
	static const char *const names[] = { "cloud", "on-prem-consolidated", "on-prem-gateway1",
		"minimal" };
	static const unsigned tunnels[] = { 3, 3, 1, 1 };

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		char path[512];
		snprintf(path, sizeof(path), "%s/config/%s.conf", SOURCE_ROOT, names[i]);
		struct said said = load_file(path);
		assert_int_equal(said.result, CONFIG_GOOD);
		assert_int_equal(said.config->n_tunnels, tunnels[i]);
		assert_string_equal(said.config->tunnels[0].name, "IPsec-VPN Connection 1");
		assert_int_equal(said.config->n_sas, 0);
		said_clear(&said);
	}
}

/* The error is the included file's, and what follows it has its own lines again. */
static void
includes_have_their_own_lines(void **state)
{
	static const char *const expected[] = {
		FILE_NAME ":1: gateway = 1: it must be a group: { ... }",
		"a.conf:2: a port has no setting \"mtuu\"; did you mean \"mtu\"?",
		"sub/c.conf:1: if_id = 0: it must be from 1 to 4294967295",
		"a.conf:4: a port needs the setting \"device\"",
		FILE_NAME ":3: routes = 2: it must be a list: ( { ... }, { ... } )",
	};

	(void)state;
	assert_int_equal(mkdir("sub", 0700), 0);
	write_text("a.conf",
		"ports: ( { name = \"a\"; device = \"0\"; addresses = "
		"[\"192.0.2.1/24\"];\n mtuu = 1; },\n# comment\n{ name = "
		"\"b\"; } );\ntunnels: ( { name = \"t\"; local = "
		"\"192.0.2.1\"; remote = \"%any\";\n  @include "
		"\"sub/c.conf\"\n } );");
	write_text("sub/c.conf", "if_id = 0; # no newline at the end");
	struct said said = load_text("gateway = 1;\n@include \"a.conf\"\nroutes = 2;\n");
	assert_int_equal(said.result, CONFIG_RULES_BROKEN);
	assert_int_equal(said.n, ARRAY_LEN(expected));
	assert_string_equal(said.lines[0], expected[0]);
	assert_string_equal(said.lines[1], expected[1]);
	assert_string_equal(said.lines[2], expected[3]);
	assert_string_equal(said.lines[3], expected[2]);
	assert_string_equal(said.lines[4], expected[4]);
	said_clear(&said);
}

/* Includes that libconfig alone would hang on, die of or follow for ever. */
static void
includes_are_guarded(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ "\n@include \"" FILE_NAME "\"\n",
			FILE_NAME ":2: @include: \"" FILE_NAME "\" includes itself" },
		{ "@include \"a.conf\"\n", "b.conf:1: @include: \"a.conf\" includes itself" },
		{ "@include \"/tmp\"\n",
			FILE_NAME ":1: @include: cannot read \"/tmp\": Is a directory" },
		{ "@include \"fifo\"\n",
			FILE_NAME ":1: @include: cannot read \"fifo\": it is not a regular file" },
		{ "\n\n@include \"none.conf\"\n",
			FILE_NAME
			":3: @include: cannot read \"none.conf\": No such file or directory" },
		{ "@include \"\"\n",
			FILE_NAME ":1: @include: cannot read \"\": No such file or directory" },
		{ "@include \"a.conf\n",
			FILE_NAME
			":1: syntax error: the @include has no closing quote on its line" },
	};

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	write_text("a.conf", "@include \"b.conf\"");
	write_text("b.conf", "@include \"a.conf\"");
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct said said = load_text(rows[i].text);
		assert_int_equal(said.result, CONFIG_UNREADABLE);
		assert_int_equal(said.n, 1);
		assert_string_equal(said.lines[0], rows[i].said);
		said_clear(&said);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sample_is_read),
		cmocka_unit_test(defaults_are_set),
		cmocka_unit_test(order_is_free),
		cmocka_unit_test(examples_are_good),
		cmocka_unit_test(includes_have_their_own_lines),
		cmocka_unit_test(includes_are_guarded),
	};

	return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
