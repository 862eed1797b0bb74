/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "compiler.h"
#include "drops.h"

/* The list of reasons is what users, JSON readers and tests see: its names may not change shape. */

/* Names that programs outside the project rely on. */
static const struct {
	enum drop_reason reason;
	const char *name;
} fixed[] = {
	{ DROP_no_route, "no_route" },
	{ DROP_ttl_expired, "ttl_expired" },
	{ DROP_bad_header, "bad_header" },
	{ DROP_no_neighbor, "no_neighbor" },
	{ DROP_no_sa, "no_sa" },
	{ DROP_unknown_spi, "unknown_spi" },
	{ DROP_replay_duplicate, "replay_duplicate" },
	{ DROP_replay_late, "replay_late" },
	{ DROP_bad_icv, "bad_icv" },
	{ DROP_bad_padding, "bad_padding" },
	{ DROP_short_esp, "short_esp" },
	{ DROP_policy, "policy" },
	{ DROP_policy_out, "policy_out" },
	{ DROP_too_big, "too_big" },
	{ DROP_sequence_exhausted, "sequence_exhausted" },
};

static void
every_reason_has_a_name_and_a_sentence(void **state)
{
	(void)state;
	for (int reason = DROP_NONE + 1; reason < DROP_REASON_COUNT; reason++) {
		const char *name = drop_name((enum drop_reason)reason);
		const char *description = drop_description((enum drop_reason)reason);

		assert_non_null(name);
		assert_non_null(description);
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
		assert_true(strlen(description) > 10);
		/* `show drops` puts it at the end of a line. */
		assert_null(strchr(description, '\n'));
	}
}

static void
names_differ(void **state)
{
	(void)state;
	for (int a = DROP_NONE + 1; a < DROP_REASON_COUNT; a++)
		for (int b = a + 1; b < DROP_REASON_COUNT; b++)
			assert_string_not_equal(
				drop_name((enum drop_reason)a), drop_name((enum drop_reason)b));
}

static void
fixed_names_stay(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		assert_string_equal(drop_name(fixed[i].reason), fixed[i].name);
}

static void
no_reason_has_no_name(void **state)
{
	static const int none[] = { DROP_NONE, DROP_REASON_COUNT, DROP_REASON_COUNT + 1, -1 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		assert_null(drop_name((enum drop_reason)none[i]));
		assert_null(drop_description((enum drop_reason)none[i]));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_has_a_name_and_a_sentence),
		cmocka_unit_test(names_differ),
		cmocka_unit_test(fixed_names_stay),
		cmocka_unit_test(no_reason_has_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
