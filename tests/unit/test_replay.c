/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler.h"
#include "replay_words.h"

/* The replay window against numbered tables. */

#define STEPS_MAX 12

static const struct {
	unsigned number;
	const char *what;
	uint32_t window;
	uint64_t top; /* to begin with */
	struct {
		uint64_t sequence;
		enum drop_reason verdict;
	} steps[STEPS_MAX]; /* in order, up to the first {0, NEW} */
} cases[] = {
	{ 1, "the first packet, and again", 64, 0, { { 1, NEW }, { 1, DUP } } },
	{ 2, "zero is never valid", 64, 0, { { 0, LATE }, { 5, NEW }, { 0, LATE } } },
	{ 3, "in order", 64, 0, { { 1, NEW }, { 2, NEW }, { 3, NEW }, { 2, DUP } } },
	{ 4, "out of order", 64, 0,
		{ { 3, NEW }, { 1, NEW }, { 2, NEW }, { 1, DUP }, { 2, DUP }, { 3, DUP } } },
	{ 5, "the first packet is not number 1", 64, 0, { { 50, NEW }, { 1, NEW }, { 1, DUP } } },

	{ 10, "left edge of 64: in", 64, 0, { { 164, NEW }, { 101, NEW }, { 101, DUP } } },
	{ 11, "left edge of 64: out", 64, 0, { { 164, NEW }, { 100, LATE }, { 1, LATE } } },
	{ 12, "left edge of 1024", 1024, 0,
		{ { 5000, NEW }, { 3977, NEW }, { 3977, DUP }, { 3976, LATE } } },
	{ 13, "left edge of 8192", 8192, 0,
		{ { 20000, NEW }, { 11809, NEW }, { 11809, DUP }, { 11808, LATE } } },
	{ 14, "left edge of 66, which can touch three words", 66, 0,
		{ { 191, NEW }, { 126, NEW }, { 192, NEW }, { 127, NEW }, { 127, DUP },
			{ 126, LATE }, { 193, NEW }, { 128, NEW }, { 127, LATE } } },
	{ 15, "left edge of 100", 100, 0,
		{ { 200, NEW }, { 101, NEW }, { 100, LATE }, { 101, DUP } } },

	{ 20, "right edge: what was seen stays seen until it falls out", 64, 0,
		{ { 100, NEW }, { 163, NEW }, { 100, DUP }, { 164, NEW }, { 100, LATE } } },
	{ 21, "right edge of 1024", 1024, 0,
		{ { 100, NEW }, { 1123, NEW }, { 100, DUP }, { 1124, NEW }, { 100, LATE } } },
	{ 22, "right edge of 8192", 8192, 0,
		{ { 100, NEW }, { 8291, NEW }, { 100, DUP }, { 8292, NEW }, { 100, LATE } } },

	{ 30, "a jump by more than the window empties it", 64, 0,
		{ { 7, NEW }, { 1007, NEW }, { 7, LATE }, { 943, LATE }, { 944, NEW }, { 944, DUP },
			{ 1006, NEW }, { 1007, DUP } } },
	{ 31, "a jump by the whole ring: the bit of 5 is the bit of 133", 64, 0,
		{ { 5, NEW }, { 69, NEW }, { 140, NEW }, { 133, NEW }, { 133, DUP } } },
	{ 32, "a jump by many rings, into the same place", 64, 0,
		{ { 5, NEW }, { 5 + 128 * 1000, NEW }, { 4 + 128 * 1000, NEW },
			{ 128 * 1000 - 58, NEW }, { 128 * 1000 - 59, LATE } } },
	{ 33, "a jump by more than 1024", 1024, 0,
		{ { 9, NEW }, { 2057, NEW }, { 1034, NEW }, { 1033, LATE }, { 9, LATE } } },
	{ 34, "a jump by more than 8192", 8192, 0,
		{ { 9, NEW }, { 16393, NEW }, { 8202, NEW }, { 8201, LATE }, { 9, LATE } } },

	{ 40, "an SA that continues: all up to its top was seen", 64, 1000,
		{ { 1000, DUP }, { 999, DUP }, { 937, DUP }, { 936, LATE }, { 1001, NEW },
			{ 1001, DUP }, { 1003, NEW }, { 1002, NEW } } },
	{ 41, "continues with a top at a word's last bit", 64, 1023,
		{ { 1023, DUP }, { 960, DUP }, { 1024, NEW }, { 960, LATE }, { 961, DUP } } },
	{ 42, "continues with 8192", 8192, 100000,
		{ { 91809, DUP }, { 91808, LATE }, { 100001, NEW }, { 91809, LATE } } },
	{ 43, "continues, then jumps by more than the window", 1024, 5000,
		{ { 9000, NEW }, { 8999, NEW }, { 7977, NEW }, { 7976, LATE } } },

	{ 50, "the last number without ESN", 64, 0,
		{ { E32 - 1, NEW }, { E32 - 1, DUP }, { E32 - 64, NEW }, { E32 - 65, LATE } } },
	{ 51, "ESN: over the border", 64, 0,
		{ { E32 - 2, NEW }, { E32, NEW }, { E32 + 1, NEW }, { E32 - 1, NEW },
			{ E32 - 1, DUP }, { E32, DUP } } },
	{ 52, "ESN: left edge on the other side of the border", 64, E32 - 100,
		{ { E32 + 20, NEW }, { E32 - 43, NEW }, { E32 - 44, LATE } } },
	{ 53, "ESN: a jump over a whole subspace", 1024, 7,
		{ { 3 * E32, NEW }, { 2 * E32, LATE }, { 3 * E32 - 1023, NEW } } },
	{ 54, "ESN: a jump over nearly all numbers clears no more than the ring", 64, 0,
		{ { 9, NEW }, { UINT64_MAX - 9, NEW }, { 9, LATE }, { UINT64_MAX - 72, NEW } } },
	{ 55, "ESN: the very last number", 64, UINT64_MAX - 10,
		{ { UINT64_MAX, NEW }, { UINT64_MAX, DUP }, { UINT64_MAX - 1, NEW },
			{ UINT64_MAX - 63, DUP }, { UINT64_MAX - 64, LATE } } },
};

static void
numbered_table(void **state)
{
	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
		struct replay *replay = make(cases[c].window, cases[c].top);

		for (unsigned s = 0;
			s < STEPS_MAX && cases[c].steps[s].sequence + cases[c].steps[s].verdict > 0;
			s++) {
			uint64_t sequence = cases[c].steps[s].sequence;
			enum drop_reason verdict = cases[c].steps[s].verdict;
			enum drop_reason check = replay_check(replay, sequence);
			enum drop_reason update = replay_update(replay, sequence);

			if (check != verdict || update != verdict)
				fail_msg("case %u (%s), step %u: check %s, update %s, expected %s",
					cases[c].number, cases[c].what, s + 1,
					check == NEW ? "new" : drop_name(check),
					update == NEW ? "new" : drop_name(update),
					verdict == NEW ? "new" : drop_name(verdict));
		}
		free(replay);
	}
}

/* A check alone leaves no trace: what failed its ICV afterwards must not block its genuine twin. */
static void
check_changes_nothing(void **state)
{
	struct replay *replay = make(64, 10);

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(replay_check(replay, 11), NEW);
		assert_int_equal(replay_check(replay, E32), NEW);
	}
	assert_int_equal(replay->top, 10);
	assert_int_equal(replay_update(replay, 11), NEW);
	free(replay);
}

/* A burst checks all its packets before it updates: the second of twins is found by the update. */
static void
update_catches_twins_of_one_burst(void **state)
{
	struct replay *replay = make(64, 0);

	(void)state;
	assert_int_equal(replay_check(replay, 3), NEW);
	assert_int_equal(replay_check(replay, 3), NEW);
	assert_int_equal(replay_update(replay, 3), NEW);
	assert_int_equal(replay_update(replay, 3), DUP);
	free(replay);
}

static void
without_window_all_passes_and_top_counts(void **state)
{
	static const uint64_t sequences[] = { 5, 5, 0, 1, 700, 5 };
	struct replay *replay = make(0, 0);
	uint64_t highest = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sequences); i++) {
		assert_int_equal(replay_check(replay, sequences[i]), NEW);
		assert_int_equal(replay_update(replay, sequences[i]), NEW);
		highest = sequences[i] > highest ? sequences[i] : highest;
		assert_int_equal(replay->top, highest);
	}
	free(replay);
}

/* ESN without a window: a file replayed from its start keeps its high half. */
static void
without_window_the_past_is_half_the_space(void **state)
{
	struct replay *replay = make(0, 2 * E32 + 1000);

	(void)state;
	assert_int_equal(replay_extend(replay, 1), 2 * E32 + 1);
	assert_int_equal(replay_extend(replay, 1001), 2 * E32 + 1001);
	assert_int_equal(replay_extend(replay, UINT32_MAX), 2 * E32 - 1);
	assert_int_equal(replay_extend(replay, UINT32_C(1) << 30), 2 * E32 + (E32 >> 2));
	free(replay);
}

static const struct {
	unsigned number;
	uint32_t window;
	uint64_t top;
	uint32_t low;
	uint64_t sequence;
} extensions[] = {
	/* the first subspace: there is no number below it */
	{ 1, 64, 0, 1, 1 },
	{ 2, 64, 0, UINT32_MAX, UINT32_MAX },
	{ 3, 64, 10, 5, 5 },
	{ 4, 64, 10, UINT32_MAX, UINT32_MAX },
	{ 5, 64, 62, UINT32_MAX, UINT32_MAX },
	/* case A: the window lies in one subspace */
	{ 10, 64, 1000, 937, 937 },               /* its bottom */
	{ 11, 64, 1000, 1001, 1001 },             /* right of it */
	{ 12, 64, 1000, UINT32_MAX, UINT32_MAX }, /* far right of it */
	{ 13, 64, 1000, 936, E32 + 936 },         /* left of it: the next subspace */
	{ 14, 64, 1000, 0, E32 },
	{ 15, 64, E32 - 1, 0, E32 },
	{ 16, 64, E32 - 1, UINT32_MAX - 63, E32 - 64 },
	{ 17, 64, E32 - 1, UINT32_MAX - 64, 2 * E32 - 65 },
	{ 18, 64, E32 + 63, 0, E32 }, /* Tl = W - 1 is still case A */
	{ 19, 64, E32 + 63, UINT32_MAX, 2 * E32 - 1 },
	{ 20, 64, 64, 0, E32 }, /* Tl = W: only zero is left of it */
	/* case B: the window spans two subspaces */
	{ 30, 64, E32 + 62, UINT32_MAX, E32 - 1 },         /* its bottom, in the lower one */
	{ 31, 64, E32 + 62, UINT32_MAX - 1, 2 * E32 - 2 }, /* left of it */
	{ 32, 64, E32, UINT32_MAX - 62, E32 - 63 },
	{ 33, 64, E32, UINT32_MAX - 63, 2 * E32 - 64 },
	{ 34, 64, E32, 0, E32 },
	{ 35, 64, E32, 1, E32 + 1 },
	{ 36, 1024, 7 * E32 + 500, UINT32_MAX - 522, 7 * E32 - 523 },
	{ 37, 1024, 7 * E32 + 500, UINT32_MAX - 523, 8 * E32 - 524 },
	{ 38, 8192, 7 * E32 + 500, UINT32_MAX - 7690, 7 * E32 - 7691 },
	{ 39, 8192, 7 * E32 + 500, UINT32_MAX - 7691, 8 * E32 - 7692 },
};

static void
numbered_extensions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(extensions); i++) {
		struct replay *replay = make(extensions[i].window, extensions[i].top);
		uint64_t got = replay_extend(replay, extensions[i].low);

		if (got != extensions[i].sequence)
			fail_msg("extension %u: 0x%llx, expected 0x%llx", extensions[i].number,
				(unsigned long long)got,
				(unsigned long long)extensions[i].sequence);
		free(replay);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbered_table),
		cmocka_unit_test(check_changes_nothing),
		cmocka_unit_test(update_catches_twins_of_one_burst),
		cmocka_unit_test(without_window_all_passes_and_top_counts),
		cmocka_unit_test(without_window_the_past_is_half_the_space),
		cmocka_unit_test(numbered_extensions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
