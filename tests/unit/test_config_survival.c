/* SPDX-License-Identifier: BSD-3-Clause */

/* The configuration reader against damaged files: whatever is in one, the reader says good or what
 * is wrong, shows no key, and neither crashes nor leaks (the sanitizers look). */

#include "config_file.h"

#include "compiler.h"

#define TEXT_BYTES 65536
#define MUTATIONS 4000
#define PIECE_DIGITS 13 /* of a key, that no message may show even where it stands out of place */

static const char key[] = "f0e1d2c3b4a5968778695a4b3c2d1e0f";
static const char sas[] =
	"\nsecurity_associations: (\n"
	"  { tunnel = \"IPsec-VPN Connection 1\"; direction = \"out\"; spi = 0xC0001001; "
	"encryption = "
	"\"aes128-cbc\";\n"
	"    encryption_key = \"f0e1d2c3b4a5968778695a4b3c2d1e0f\"; authentication = "
	"\"hmac-sha256-128\";\n"
	"    authentication_key = "
	"\"f0e1d2c3b4a5968778695a4b3c2d1e0ff0e1d2c3b4a5968778695a4b3c2d1e0f\";\n"
	"    esn = true; sequence = 5000000000L; lifetime_packets = 1; },\n"
	"  { tunnel = \"IPsec-VPN Connection 1\"; direction = \"in\"; spi = \"0x2001\"; encryption "
	"= "
	"\"chacha20-poly1305\";\n"
	"    encryption_key = "
	"\"f0e1d2c3b4a5968778695a4b3c2d1e0ff0e1d2c3b4a5968778695a4b3c2d1e0f00112233\";\n"
	"    replay_window = 128; encap_sport = 4500; encap_dport = 4500; } );\n";

/* The shipped examples, each with keys behind it. */
static const char *const examples[] = { "cloud", "on-prem-consolidated", "on-prem-gateway1",
	"minimal" };

static size_t
read_example(const char *name, char text[TEXT_BYTES])
{
	char path[512];

	snprintf(path, sizeof(path), "%s/config/%s.conf", SOURCE_ROOT, name);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	size_t n = fread(text, 1, TEXT_BYTES / 2, file);
	fclose(file);
	memcpy(text + n, sas, sizeof(sas));
	return n + sizeof(sas) - 1;
}

/* Loads bytes and looks at what is said about them. */
static enum config_result
survive(const char *bytes, size_t n)
{
	write_bytes(FILE_NAME, bytes, n, 0600);
	struct said said = load_file(FILE_NAME);
	enum config_result result = said.result;

	assert_in_range(result, CONFIG_GOOD, CONFIG_UNREADABLE);
	if (result == CONFIG_UNREADABLE)
		assert_int_equal(said.n, 1);
	for (unsigned i = 0; i < said.n && i < LINES_MAX; i++) {
		assert_memory_equal(said.lines[i], FILE_NAME ":", sizeof(FILE_NAME));
		for (const char *p = key; p + PIECE_DIGITS <= key + strlen(key); p++)
			assert_null(memmem(said.lines[i], strlen(said.lines[i]), p, PIECE_DIGITS));
	}
	said_clear(&said);
	return result;
}

/* xorshift32, so that a failure comes again. */
static uint32_t
draw(uint32_t *state, size_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state % (uint32_t)below;
}

/* Damages a text in one place; returns its new length. */
static size_t
damage(char text[TEXT_BYTES], size_t n, uint32_t *state)
{
	static const char *const pieces[] = { "\"", "{", "}", "(", ")", "[", "]", ";", ",", "=",
		"/*", "#", "\\", "@include \"" FILE_NAME "\"\n", "\n@include \"/\"\n",
		"key = ", "99999999999999999999999", "-1", "0xFFFFFFFFFFFFFFFFFFF", "1e400", ".5",
		"true", "\"%n%s%s\"", "\xFF\xFE", "0L", "\"\"", "\t\r\f", "::" };
	size_t at = draw(state, n), length = 1 + draw(state, 40);
	const char *piece = pieces[draw(state, ARRAY_LEN(pieces))];

	if (at + length > n)
		length = n - at;
	switch (draw(state, 5)) {
	case 0: /* one byte becomes another */
		text[at] = (char)draw(state, 256);
		return n;
	case 1: /* a piece is lost */
		memmove(text + at, text + at + length, n - at - length);
		return n - length;
	case 2: /* a piece is there twice */
		memmove(text + at + length, text + at, n - at);
		return n + length;
	case 3: /* something else is in between */
		length = strlen(piece);
		memmove(text + at + length, text + at, n - at);
		memcpy(text + at, piece, length);
		return n + length;
	default: /* a piece moves elsewhere */
		memmove(text + draw(state, n - length), text + at, length);
		return n;
	}
}

static void
mutations_are_survived(void **state)
{
	static char whole[TEXT_BYTES], text[TEXT_BYTES];
	uint32_t seed = 0x45535000;
	unsigned results[3] = { 0, 0, 0 };

	(void)state;
	for (unsigned i = 0; i < MUTATIONS; i++) {
		size_t n = read_example(examples[i % ARRAY_LEN(examples)], whole);
		memcpy(text, whole, n);
		for (unsigned wounds = 1 + draw(&seed, 4); wounds > 0; wounds--)
			n = damage(text, n, &seed);
		results[survive(text, n)]++;
	}
	/* The wounds are such that all three happen. */
	assert_true(results[CONFIG_GOOD] > MUTATIONS / 50);
	assert_true(results[CONFIG_RULES_BROKEN] > MUTATIONS / 50);
	assert_true(results[CONFIG_UNREADABLE] > MUTATIONS / 50);
}

/* A file cut short is never taken for a whole one, unless only blanks, comments or whole sections
 * at its end are gone. */
static void
truncations_are_survived(void **state)
{
	static char text[TEXT_BYTES];

	(void)state;
	for (unsigned e = 0; e < ARRAY_LEN(examples); e++) {
		size_t n = read_example(examples[e], text);
		for (size_t cut = e % 3; cut < n; cut += 3) {
			enum config_result result = survive(text, cut);
			if (cut > n - sizeof(sas) + 3 && cut < n - 2)
				assert_int_equal(result, CONFIG_UNREADABLE);
		}
	}
}

static void
deep_nesting_is_survived(void **state)
{
	static char text[TEXT_BYTES];
	static const char opening[] = "([{";

	(void)state;
	for (unsigned kind = 0; kind < 3; kind++) {
		memset(text, opening[kind], sizeof(text));
		assert_int_equal(survive(text, sizeof(text)), CONFIG_UNREADABLE);
	}
	memcpy(text, "a = ", 4);
	for (size_t i = 4; i < sizeof(text); i += 6)
		memcpy(text + i, "({ a =", 6);
	assert_int_equal(survive(text, sizeof(text)), CONFIG_UNREADABLE);
}

static void
huge_values_are_survived(void **state)
{
	static char text[TEXT_BYTES];
	static const char *const heads[] = { "gateway: { hash_seed = ", "gateway: { hash_seed = 0x",
		"gateway: { hash_seed = -", "gateway: { hash_seed = 1.", "gateway: { name = \"",
		"ports: ( { mtu = ", "gateway: { max_routes = 1e", "x", "@include \"",
		"ports: ( " };
	static const char fills[] = "1f9a0 /\"";

	(void)state;
	for (unsigned h = 0; h < ARRAY_LEN(heads); h++)
		for (const char *fill = fills; *fill != '\0'; fill++) {
			size_t bytes = strlen(heads[h]);
			memcpy(text, heads[h], bytes);
			memset(text + bytes, *fill, sizeof(text) - bytes);
			memcpy(text + sizeof(text) - 8, "\"; };   ", 8);
			assert_int_not_equal(survive(text, sizeof(text)), CONFIG_GOOD);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mutations_are_survived),
		cmocka_unit_test(truncations_are_survived),
		cmocka_unit_test(deep_nesting_is_survived),
		cmocka_unit_test(huge_values_are_survived),
	};

	return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
