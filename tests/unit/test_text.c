/* SPDX-License-Identifier: BSD-3-Clause */

/* What may be shown to people, and what is made of the rest. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "compiler.h"
#include "text.h"

static void
what_is_printable_stays(void **state)
{
	static const char *const texts[] = { "", "aes", "B\u00fcro", "\u20ac", "\U0001F512",
		"\u00a0" };

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(texts); i++) {
		char text[32];

		strcpy(text, texts[i]);
		assert_true(text_is_printable(text));
		text_mask(text);
		assert_string_equal(text, texts[i]);
	}
}

/* Control characters, those above ASCII included (U+009B is ESC [ to a terminal), characters that
 * are cut off, too long or surrogates (RFC 3629). */
static void
what_is_not_is_masked(void **state)
{
	static const char *const texts[][2] = {
		{ "a\nb", "a?b" },
		{ "\033[31m", "?[31m" },
		{ "\177", "?" },
		{ "\xff", "?" },
		{ "a\xc2\x9b", "a??" },
		{ "a\xc3", "a?" },
		{ "\xc0\xaf", "??" },
		{ "\xed\xa0\x80", "???" },
		{ "\xf4\x90\x80\x80", "????" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(texts); i++) {
		char text[32];

		strcpy(text, texts[i][0]);
		assert_false(text_is_printable(text));
		text_mask(text);
		assert_string_equal(text, texts[i][1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_printable_stays),
		cmocka_unit_test(what_is_not_is_masked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
