/* SPDX-License-Identifier: BSD-3-Clause */

/* The configuration reader and keys: who may read their files, and where they stay. */

#include "config_file.h"

#include "compiler.h"

static const char sample[] =
	"ports: ( { name = \"p\"; device = \"0\"; addresses = [\"192.0.2.1/24\"]; } );\n"
	"tunnels: ( { name = \"t\"; if_id = 1; local = \"192.0.2.1\"; remote = \"192.0.2.2\"; } "
	");\n"
	"security_associations: ( { tunnel = \"t\"; direction = \"out\", spi = 256\n"
	"encryption = \"aes128-gcm\"\n"
	"encryption_key = \"000102030405060708090a0b0c0d0e0f10111213\"\n"
	"esn = true } );\n";

/* A file that others may read holds no keys, nor does one that includes keys. */
static void
keys_need_private_files(void **state)
{
	static const mode_t open_modes[] = { 0604, 0640, 0644, 0620, 0601 };
	struct said said;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(open_modes); i++) {
		char expected[256];
		write_bytes(FILE_NAME, sample, strlen(sample), open_modes[i]);
		said = load_file(FILE_NAME);
		assert_int_equal(said.result, CONFIG_RULES_BROKEN);
		assert_int_equal(said.n, 1);
		snprintf(expected, sizeof(expected),
			FILE_NAME
			":3: security_associations hold keys, but " FILE_NAME
			" is open to others than its owner (mode %04o); run: chmod 600 " FILE_NAME,
			open_modes[i]);
		assert_string_equal(said.lines[0], expected);
		said_clear(&said);
	}
	write_bytes("a.conf", sample, strlen(sample), 0644);
	said = load_text("@include \"a.conf\"");
	assert_int_equal(said.result, CONFIG_RULES_BROKEN);
	assert_non_null(strstr(said.lines[0], "a.conf:3: security_associations hold keys"));
	said_clear(&said);
	write_bytes("a.conf", sample, strlen(sample), 0400);
	said = load_text("@include \"a.conf\"");
	assert_int_equal(said.result, CONFIG_GOOD);
	said_clear(&said);
}

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifndef SANITIZED
/* A key that is nowhere in this program but, for a moment, on the stack. */
#define KEY_DIGITS 32
static void
make_key(char key[KEY_DIGITS + 1])
{
	for (unsigned i = 0; i < KEY_DIGITS; i++)
		key[i] = "5b8f03d7a1e64c29"[(i * 7 + i / 16) % 16];
	key[KEY_DIGITS] = '\0';
}

/* How often the key's text, or its bytes, stands in memory from `start` to `end`. */
static unsigned
count_key(const unsigned char *start, const unsigned char *end)
{
	char key[KEY_DIGITS + 1];
	unsigned char bytes[KEY_DIGITS / 2];
	unsigned n = 0;

	make_key(key);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		sscanf(&key[i * 2], "%2hhx", &bytes[i]);
	/* Eight of its bytes are as bad as all. The copies here are not in the range. */
	for (const unsigned char *p = start; p + 8 <= end; p++)
		n += memcmp(p, &key[8], 8) == 0 || memcmp(p, &bytes[4], 8) == 0;
	explicit_bzero(key, sizeof(key));
	explicit_bzero(bytes, sizeof(bytes));
	return n;
}

static unsigned
count_key_in_heap(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	unsigned n = 0;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		unsigned char *start, *end;
		if (strstr(line, "[heap]") != NULL &&
			sscanf(line, "%p-%p", (void **)&start, (void **)&end) == 2)
			n += count_key(start, end);
	}
	fclose(maps);
	return n;
}

static void
write_key_file(const char *head, const char *tail)
{
	char text[1024], key[KEY_DIGITS + 1];

	make_key(key);
	int n = snprintf(text, sizeof(text),
		"ports: ( { name = \"p\"; device = \"0\"; addresses = [\"192.0.2.1/24\"]; } );\n"
		"tunnels: ( { name = \"t\"; if_id = 1; local = \"192.0.2.1\"; remote = "
		"\"192.0.2.2\"; } );\n"
		"security_associations: ( { tunnel = \"t\"; direction = \"out\"; spi = 256;\n"
		"encryption = \"aes128-cbc\"; authentication = \"hmac-sha256-128\";\n"
		"# it was \"%s\"\n%s%s\";\nauthentication_key = \"%s%s\"; } )%s\n",
		key, head, key, key, key, tail);
	write_bytes(FILE_NAME, text, (size_t)n, 0600);
	explicit_bzero(text, sizeof(text));
	explicit_bzero(key, sizeof(key));
}
#endif

/* After all is freed, no key is left in the heap: neither our copies nor libconfig's. */
static void
keys_leave_no_trace(void **state)
{
#ifdef SANITIZED
	(void)state;
	skip(); /* its allocator keeps what is freed elsewhere */
#else
	static const struct {
		const char *head, *tail;
		enum config_result result;
	} rows[] = {
		{ "encryption_key = \"", ";", CONFIG_GOOD },
		{ "encryption_key = \"0", ";", CONFIG_RULES_BROKEN },
		{ "encrpytion_key = \"", ";", CONFIG_RULES_BROKEN },
		{ "encryption_key = 1; \"", ";", CONFIG_UNREADABLE },
		{ "encryption_key = ;", ";", CONFIG_UNREADABLE },
		{ "encryption_key = \"", "; = x", CONFIG_UNREADABLE },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		write_key_file(rows[i].head, rows[i].tail);
		struct said said = load_file(FILE_NAME);
		assert_int_equal(said.result, rows[i].result);
		assert_int_equal(count_key_in_heap() > 0, said.result == CONFIG_GOOD);
		said_clear(&said);
		assert_int_equal(count_key_in_heap(), 0);
	}
#endif
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_need_private_files),
		cmocka_unit_test(keys_leave_no_trace),
	};

	return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
