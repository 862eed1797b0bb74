/* SPDX-License-Identifier: BSD-3-Clause */

/* What the configuration reader says about a wrong file as a whole: syntax, all of its errors at
 * once, more than there may be, and files that cannot be read. */

#include "config_rows.h"

/* A syntax error stands alone, and shows nothing of the file. */
static void
syntax_errors_stand_alone(void **state)
{
	static const struct row rows[] = {
		{ "hash_seed = 1", "hash_seed 1",
			"look here and just before: is a \"=\", \"}\" or \",\" missing, or is a "
			"\",\" too many before a closing bracket?" },
		{ "mtu = 1500", "mtu = 1500; mtu = 1400",
			"the setting \"mtu\" stands in this group already, at " FILE_NAME ":8" },
		{ "mtu = 1500", "mtu = 1500; comment = ( { mtu = 1 } ); mtu : 1400",
			"the setting \"mtu\" stands in this group already, at " FILE_NAME ":8" },
		{ "tunnels: (", "ports: (",
			"the section \"ports\" stands in this file already, at " FILE_NAME ":5" },
		{ "gateway: {", "\xEF\xBB\xBFgateway: {",
			"it begins with a byte-order mark; save it as UTF-8 without one" },
		{ "name = \"gw\"", "name = \xE2\x80\x9Cgw\xE2\x80\x9D",
			"a typographic quote stands here; strings stand between plain ones: \"" },
		{ "\"198.51.100.213/24\"", "7",
			"the elements of an array [ ] must all be of one type" },
		{ "name = \"gw\"", "name = \"gw",
			"the string that starts here has no closing quote on its line" },
		{ "name = \"gw\"", "name \"gw\"",
			"a string stands where none can; is \"=\", \",\" or a quote missing before "
			"it?" },
		{ "\"000102030405060708090a0b0c0d0e0f\"", "\"000102030405060708090a0b0c0d0e0f",
			"the string that starts here has no closing quote on its line" },
		{ "\"000102030405060708090a0b0c0d0e0f\"", "000102030405060708090a0b0c0d0e0f\"",
			"a key stands in quotes" },
		{ "mtu = 1500; }", "mtu = 1500; )",
			"\")\" stands here, but the \"{\" of " FILE_NAME
			":6 must be closed first" },
		{ "gateway: {", ")gateway: {", "\")\" stands here, but no bracket is open" },
		{ "replay_window = 64; } );", "replay_window = 64; }",
			"the \"(\" that stands here is never closed with \")\"", -11 },
		{ "tunnels: (", "/* tunnels: (",
			"the comment that starts here is never closed with \"*/\"" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
		row_check(&rows[i], CONFIG_UNREADABLE, "syntax error: ");
}

/* One run tells all there is, in the order of the file, not in that of reading. */
static void
all_errors_are_told_in_order(void **state)
{
	static const char *const expected[] = {
		FILE_NAME ":1: routes = 1: it must be a list: ( { ... }, { ... } )",
		FILE_NAME ":2: address = \"192.0.2.1\": that is an address of this gateway itself, "
			  "no neighbor",
		FILE_NAME ":2: a neighbor needs the setting \"mac\"",
		FILE_NAME ":3: a port has no setting \"adresses\"; did you mean \"addresses\"?",
		FILE_NAME ":4: addresses = 1: it must be a string, in quotes",
		FILE_NAME ":5: addresses = 2: it must be a string, in quotes",
		FILE_NAME ":6: mtu = 0: it must be from 68 to 9600",
		FILE_NAME ":7: name = \"a\": the name is taken already, at " FILE_NAME ":3",
		FILE_NAME ":7: a port needs the setting \"device\"",
		FILE_NAME ":9: hash_seed = \"x\": it must be a whole number",
	};
	struct said said = load_text("routes = 1;\n"
				     "neighbors: ( { port = \"c\"; address = \"192.0.2.1\"; } );\n"
				     "ports: ( { name = \"a\"; device = \"0\"; adresses = []; }, { "
				     "name = \"b\"; device = \"1\"; addresses = [\n"
				     "1,\n"
				     "2];\n"
				     "mtu = 0; },\n"
				     "{ name = \"a\"; addresses = [ ]; }, { name = \"c\"; device = "
				     "\"2\"; addresses = [\"192.0.2.1/24\"]; } );\n"
				     "\n"
				     "gateway: { hash_seed = \"x\"; };\n");

	(void)state;
	assert_int_equal(said.result, CONFIG_RULES_BROKEN);
	for (unsigned i = 0; i < said.n && i < ARRAY_LEN(expected); i++) {
		/* Errors of one line come as they are found. */
		bool found = false;
		for (unsigned l = 0; l < said.n; l++)
			found = found || strcmp(said.lines[l], expected[i]) == 0;
		assert_true(found);
		assert_int_equal(
			atoi(strchr(said.lines[i], ':') + 1), atoi(strchr(expected[i], ':') + 1));
	}
	assert_int_equal(said.n, ARRAY_LEN(expected));
	said_clear(&said);
}

static void
more_routes_than_fit(void **state)
{
	char text[8192];
	size_t used = (size_t)sprintf(text,
		"gateway: { max_routes = 64; };\n"
		"ports: ( { name = \"p\"; device = \"0\"; addresses = [\"10.0.0.1/32\"");

	(void)state;
	for (unsigned i = 2; i <= PORT_ADDRESSES_MAX + 1; i++)
		used += (size_t)sprintf(text + used, ",\"10.0.0.%u/32\"", i);
	used += (size_t)sprintf(text + used, "]; } );\nroutes: (");
	for (unsigned i = 0; i < 65; i++)
		used += (size_t)sprintf(text + used,
			"%s{ prefix = \"10.%u.0.0/16\"; nexthops = ( { port = \"p\"; } ); }",
			i == 0 ? "" : ",", i);
	sprintf(text + used, ");\n");
	struct said said = load_text(text);
	assert_int_equal(said.n, 2);
	assert_string_equal(
		said.lines[0], FILE_NAME ":2: addresses: 17 of them, but a port can have 16");
	assert_string_equal(said.lines[1],
		FILE_NAME ":3: routes: 65 of them, but gateway.max_routes is 64; raise that");
	said_clear(&said);
}

/* Lists have their limits. */
static void
counts_are_limited(void **state)
{
	char text[16384];
	size_t used = 0;

	(void)state;
	used += (size_t)sprintf(text + used, "ports: (\n");
	for (unsigned i = 0; i <= PORTS_MAX; i++)
		used += (size_t)sprintf(text + used,
			"%s{ name = \"p%u\"; device = \"%u\"; addresses = [\"10.%u.0.1/24\"]; }",
			i == 0 ? "" : ",", i, i, i);
	used += (size_t)sprintf(
		text + used, ");\nroutes: ( { prefix = \"0.0.0.0/0\";\nnexthops = (");
	for (unsigned i = 0; i <= GROUP_MEMBERS_MAX; i++)
		used += (size_t)sprintf(
			text + used, "%s{ port = \"p%u\"; }", i == 0 ? "" : ",", i % PORTS_MAX);
	sprintf(text + used, "); } );\n");
	struct said said = load_text(text);
	assert_int_equal(said.n, 2);
	assert_string_equal(
		said.lines[0], FILE_NAME ":1: ports: 33 of them, but at most 32 are possible");
	assert_string_equal(
		said.lines[1], FILE_NAME ":4: nexthops: 65 of them, but at most 64 are possible");
	said_clear(&said);

	said = load_text("\nports = ();");
	assert_int_equal(said.n, 1);
	assert_string_equal(said.lines[0],
		FILE_NAME ":2: ports: the list is empty; a gateway needs at least one port");
	said_clear(&said);

	said = load_text("");
	assert_int_equal(said.n, 1);
	assert_string_equal(said.lines[0],
		FILE_NAME ":1: the section \"ports\" is missing: ports: ( { ... } );");
	said_clear(&said);
}

static void
unreadable_files_are_told(void **state)
{
	struct said said = load_file("/nonexistent/x.conf");

	(void)state;
	assert_int_equal(said.result, CONFIG_UNREADABLE);
	assert_int_equal(said.n, 1);
	assert_string_equal(
		said.lines[0], "/nonexistent/x.conf: cannot read it: No such file or directory");
	said_clear(&said);
	said = load_file("/");
	assert_int_equal(said.result, CONFIG_UNREADABLE);
	assert_string_equal(said.lines[0], "/: cannot read it: Is a directory");
	said_clear(&said);
	write_bytes(FILE_NAME, "ports\0", 6, 0600);
	said = load_file(FILE_NAME);
	assert_int_equal(said.result, CONFIG_UNREADABLE);
	said_clear(&said);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syntax_errors_stand_alone),
		cmocka_unit_test(all_errors_are_told_in_order),
		cmocka_unit_test(counts_are_limited),
		cmocka_unit_test(more_routes_than_fit),
		cmocka_unit_test(unreadable_files_are_told),
	};

	return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
