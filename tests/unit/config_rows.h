/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "compiler.h"
#include "config_file.h"

/* For tests of wrong configuration files: a good one, and changes of one place of it. */

/* A good file. Each row of a test changes one place of it. */
static const char good[] = "gateway: {\n"
			   "  name = \"gw\";\n"
			   "  hash_seed = 1;\n"
			   "};\n"
			   "ports: (\n"
			   "  { name = \"lan0\"; device = \"net_pcap0\";\n"
			   "    addresses = [\"192.168.50.1/24\"];\n"
			   "    mtu = 1500; },\n"
			   "  { name = \"wan0\"; device = \"net_pcap1\";\n"
			   "    addresses = [\n"
			   "      \"203.0.113.191/24\",\n"
			   "      \"198.51.100.213/24\"\n"
			   "    ]; } );\n"
			   "tunnels: (\n"
			   "  { name = \"conn1\"; if_id = 1;\n"
			   "    local = \"203.0.113.191\";\n"
			   "    remote = \"192.0.2.1\";\n"
			   "    addresses = [\"169.254.10.1/30\"];\n"
			   "    liveness_ms = 0;\n"
			   "    selectors = ( { local = \"10.0.0.0/8\"; remote = "
			   "\"192.168.0.0/16\"; } ); },\n"
			   "  { name = \"conn2\"; if_id = 2;\n"
			   "    local = \"203.0.113.191\";\n"
			   "    remote = \"%any\"; } );\n"
			   "routes: (\n"
			   "  { prefix = \"192.168.0.0/16\"; nexthops = (\n"
			   "    { tunnel = \"conn1\"; weight = 1; },\n"
			   "    { tunnel = \"conn2\"; } ); },\n"
			   "  { prefix = \"10.0.0.0/16\"; nexthops = (\n"
			   "    { port = \"lan0\"; gateway = \"192.168.50.2\"; } ); } );\n"
			   "neighbors: (\n"
			   "  { port = \"lan0\"; address = \"192.168.50.2\";\n"
			   "    mac = \"02:00:00:00:00:02\"; },\n"
			   "  { port = \"wan0\"; address = \"203.0.113.1\";\n"
			   "    mac = \"02:00:00:00:00:03\"; } );\n"
			   "security_associations: (\n"
			   "  { tunnel = \"conn1\"; direction = \"out\";\n"
			   "    spi = 0x1001;\n"
			   "    encryption = \"aes128-cbc\";\n"
			   "    encryption_key = \"000102030405060708090a0b0c0d0e0f\";\n"
			   "    authentication = \"hmac-sha1-96\";\n"
			   "    authentication_key = "
			   "\"000102030405060708090a0b0c0d0e0f10111213\"; },\n"
			   "  { tunnel = \"conn2\"; direction = \"in\"; remote = "
			   "\"192.0.2.2\";\n"
			   "    spi = 0x2001;\n"
			   "    encryption = \"aes128-gcm\";\n"
			   "    encryption_key = "
			   "\"000102030405060708090a0b0c0d0e0f10111213\";\n"
			   "    replay_window = 64; } );\n";

struct row {
	const char *old, *new; /* text of the good file, and what stands there instead */
	const char *said;      /* the one error */
	int below;             /* lines from the start of `old` down to the error's */
};

/* The good file with one place changed, and the line of that place. */
static inline void
row_change(const struct row *row, char *text, size_t bytes, unsigned *line)
{
	const char *place = strstr(good, row->old);

	assert_non_null(place);
	*line = 1;
	for (const char *p = good; p < place; p++)
		*line += *p == '\n';
	int n = snprintf(text, bytes, "%.*s%s%s", (int)(place - good), good, row->new,
		place + strlen(row->old));
	assert_true(n > 0 && (size_t)n < bytes);
}

/* The row's error is told, at its line, behind `kind`, and nothing else. */
static inline void
row_check(const struct row *row, enum config_result result, const char *kind)
{
	char text[4096], expected[512];
	unsigned line;

	row_change(row, text, sizeof(text), &line);
	snprintf(expected, sizeof(expected), "%s:%d: %s%s", FILE_NAME, (int)line + row->below, kind,
		row->said);
	struct said said = load_text(text);
	for (unsigned l = 1; l < said.n; l++)
		print_message("one too many: %s\n", said.lines[l]);
	assert_int_equal(said.result, result);
	assert_string_equal(said.lines[0], expected);
	assert_int_equal(said.n, 1);
	said_clear(&said);
}
