/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler.h"
#include "dice.h"
#include "replay_words.h"

/*
 * The replay window against a slow model, written from the words of RFC 4303: a list of all numbers
 * seen.
 */

/* The model: every number ever accepted, and the words of the RFC. */

#define MODEL_STEPS 4000

struct model {
	uint64_t window, top;
	unsigned n;
	uint64_t seen[REPLAY_WINDOW_MAX + MODEL_STEPS];
};

static enum drop_reason
model_verdict(const struct model *model, uint64_t sequence)
{
	/* The first packet sent using a given SA contains 1 (2.2). */
	if (sequence == 0)
		return LATE;
	/* The right edge is the highest validated number; what is right of it goes on to the ICV.
	 */
	if (sequence > model->top)
		return NEW;
	/* Packets with numbers lower than the left edge are rejected. */
	if (sequence + model->window <= model->top)
		return LATE;
	/* Packets within the window are checked against a list of received packets. */
	for (unsigned i = 0; i < model->n; i++)
		if (model->seen[i] == sequence)
			return DUP;
	return NEW;
}

static void
model_accept(struct model *model, uint64_t sequence)
{
	assert_true(model->n < ARRAY_LEN(model->seen));
	model->seen[model->n++] = sequence;
	if (sequence > model->top)
		model->top = sequence;
}

/* Appendix A2.2, case by case. Before the first subspace there is none: Th stays 0 there. */
static uint64_t
model_extend(const struct model *model, uint32_t seql)
{
	uint32_t th = (uint32_t)(model->top >> 32), tl = (uint32_t)model->top;
	uint32_t w = (uint32_t)model->window;
	uint32_t bottom = tl - w + 1; /* modulo 2^32 */
	uint32_t seqh;

	if (tl >= w - 1)
		seqh = seql >= bottom ? th : th + 1;
	else if (th == 0)
		seqh = 0;
	else
		seqh = seql >= bottom ? th - 1 : th;
	return (uint64_t)seqh << 32 | seql;
}

/* What a network and an attacker send: mostly near the edges, sometimes anything. */
static uint64_t
next_sequence(const struct model *model)
{
	uint64_t top = model->top, window = model->window;

	switch (dice_below(8)) {
	case 0:
	case 1:
	case 2:
		return top + 1 + dice_below(4);
	case 3:
		return top >= window ? top - dice_below(window) : dice_below(top + 1);
	case 4:
		return top + dice_below(3 * window);
	case 5:
		return top > window + 2 ? top - window - 1 + dice_below(3) : dice_below(3);
	case 6:
		return model->n > 0 ? model->seen[model->n - 1 - dice_below(model->n)] : 1;
	default:
		return dice_below(16) == 0 ? top + dice_below(8 * window) : top + 1;
	}
}

static void
differ(uint32_t window, uint64_t start)
{
	static struct model model;
	struct replay *replay = make(window, start);

	model.window = window;
	model.top = start;
	model.n = 0;
	/* An SA that continues: all of its window was seen. */
	for (uint64_t s = start >= window ? start - window + 1 : 1; s <= start; s++)
		model.seen[model.n++] = s;
	for (unsigned step = 0; step < MODEL_STEPS; step++) {
		uint64_t sequence = next_sequence(&model);
		uint32_t low = dice_below(UINT32_MAX);
		enum drop_reason verdict = model_verdict(&model, sequence);

		assert_int_equal(replay_check(replay, sequence), verdict);
		assert_int_equal(replay_extend(replay, (uint32_t)sequence),
			model_extend(&model, (uint32_t)sequence));
		assert_int_equal(replay_extend(replay, low), model_extend(&model, low));
		/* Only some prove authentic. */
		if (dice_below(8) == 0)
			continue;
		assert_int_equal(replay_update(replay, sequence), verdict);
		if (verdict == NEW)
			model_accept(&model, sequence);
		assert_int_equal(replay->top, model.top);
	}
	free(replay);
}

static void
equals_the_model(void **state)
{
	static const uint32_t windows[] = { 64, 65, 66, 100, 127, 128, 1000, 1024, 8192 };

	(void)state;
	dice_seed(3);
	for (size_t w = 0; w < ARRAY_LEN(windows); w++) {
		differ(windows[w], 0);
		differ(windows[w], 100);
		differ(windows[w], E32 - windows[w]);
		differ(windows[w], E32 - 2);
		differ(windows[w], E32 + windows[w] / 2);
		differ(windows[w], 41 * E32 - 300);
	}
}

/* From wire to verdict over a 2^32 border: the sender's 64-bit numbers, shuffled within the window,
 * of which only the low halves travel. */
static void
esn_crosses_the_border(void **state)
{
	static const uint32_t windows[] = { 64, 1024, 8192 };

	(void)state;
	dice_seed(4);
	for (size_t w = 0; w < ARRAY_LEN(windows); w++) {
		uint32_t half = windows[w] / 2;
		uint64_t first = 5 * E32 - 10 * half;
		struct replay *replay = make(windows[w], first - 1);

		for (unsigned block = 0; block < 20; block++) {
			uint64_t start = first + (uint64_t)block * half;
			uint32_t stride = dice_below(half) | 1; /* odd: visits all of 2^k */

			for (uint32_t i = 0; i < half; i++) {
				uint64_t sent = start + (uint64_t)i * stride % half;
				uint64_t got = replay_extend(replay, (uint32_t)sent);

				assert_int_equal(got, sent);
				assert_int_equal(replay_check(replay, got), NEW);
				assert_int_equal(replay_update(replay, got), NEW);
				assert_int_equal(replay_update(replay, got), DUP);
			}
		}
		free(replay);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equals_the_model),
		cmocka_unit_test(esn_crosses_the_border),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
