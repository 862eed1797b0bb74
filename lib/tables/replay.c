/* SPDX-License-Identifier: BSD-3-Clause */
#include "replay.h"

#include <string.h>

/*
 * With no window to judge by, ESN takes half of the number space for the past: the peer may have
 * restarted or be replayed from a file, but it is not 2^31 packets behind.
 */
#define UNCHECKED_SPAN (UINT64_C(1) << 31)

/*
 * A window can begin at the last bit of a word and then reaches into one word more than its length
 * fills. A power of two makes the ring's modulo a mask.
 */
static uint32_t
words_for(uint32_t window)
{
	uint32_t needed = window == 0 ? 0 : (window + REPLAY_WORD_BITS - 2) / REPLAY_WORD_BITS + 1;
	uint32_t words = 1;

	while (words < needed)
		words *= 2;
	return words;
}

bool
replay_valid(const struct replay_state *state)
{
	return state->window == 0 ||
		(state->window >= REPLAY_WINDOW_MIN && state->window <= REPLAY_WINDOW_MAX);
}

size_t
replay_size(uint32_t window)
{
	return sizeof(struct replay) + words_for(window) * sizeof(uint64_t);
}

void
replay_init(struct replay *replay, uint32_t window, uint64_t top)
{
	replay->top = top;
	replay->window = window;
	replay->words = words_for(window);
	memset(replay->seen, 0xff, replay->words * sizeof(uint64_t));
	/* Right of the top nothing has been seen; further words are cleared as they are reached. */
	replay->seen[replay_word_of(replay, top)] = replay_bit_of(top) | (replay_bit_of(top) - 1);
}

/* Is it a number that a window remembers whose highest one is `top`? */
static bool
within(const struct replay *replay, uint64_t top, uint64_t sequence)
{
	return sequence != 0 && sequence <= top && top - sequence < replay->window;
}

/* A number was not seen after all. */
static void
forget(struct replay *replay, uint64_t sequence)
{
	if (within(replay, replay->top, sequence))
		replay->seen[replay_word_of(replay, sequence)] &= ~replay_bit_of(sequence);
}

void
replay_resume(struct replay *replay, const struct replay_state *state)
{
	replay_init(replay, state->window, state->top);
	for (uint32_t i = 0; i < state->n_unseen; i++)
		if (state->unseen[i / 32] >> i % 32 & 1)
			forget(replay, state->top - i);
}

bool
replay_seen(const struct replay *replay, uint64_t sequence)
{
	uint64_t word =
		__atomic_load_n(&replay->seen[replay_word_of(replay, sequence)], __ATOMIC_RELAXED);
	uint64_t top = __atomic_load_n(&replay->top, __ATOMIC_RELAXED);

	if (!within(replay, top, sequence))
		return sequence <= top;
	return (word & replay_bit_of(sequence)) != 0;
}

/*
 * RFC 4303 appendix A2.2 in one step. Its cases ask whether the window lies within one 2^32
 * subspace (A) or spans two (B), and then whether the low half lies left or right of the window's
 * bottom; each time the answer is the first number from the bottom on that has this low half. Below
 * the first subspace there is nothing, so there the bottom is zero.
 */
uint64_t
replay_extend(const struct replay *replay, uint32_t low)
{
	uint64_t span = replay->window != 0 ? replay->window : UNCHECKED_SPAN;
	uint64_t bottom = replay->top >= span ? replay->top - span + 1 : 0;

	return bottom + (uint32_t)(low - (uint32_t)bottom);
}

enum drop_reason
replay_check_behind(const struct replay *replay, uint64_t sequence)
{
	/* RFC 4303 3.3.3: the first packet of an SA carries 1. */
	if (sequence == 0 || replay->top - sequence >= replay->window)
		return DROP_replay_late;
	if (replay->seen[replay_word_of(replay, sequence)] & replay_bit_of(sequence))
		return DROP_replay_duplicate;
	return DROP_NONE;
}

enum drop_reason
replay_update_behind(struct replay *replay, uint64_t sequence)
{
	enum drop_reason reason = replay_check_behind(replay, sequence);

	if (reason == DROP_NONE)
		replay->seen[replay_word_of(replay, sequence)] |= replay_bit_of(sequence);
	return reason;
}

/* RFC 6479: words between the old and the new edge are stale and cleared whole, each at most once.
 */
void
replay_clear_words(struct replay *replay, uint64_t sequence)
{
	uint64_t stale = sequence / REPLAY_WORD_BITS - replay->top / REPLAY_WORD_BITS;

	if (stale > replay->words)
		stale = replay->words;
	for (uint64_t i = 0; i < stale; i++)
		replay->seen[replay_word_of(replay, sequence - i * REPLAY_WORD_BITS)] = 0;
}
