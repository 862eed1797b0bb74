/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "drops.h"
#include "sizes.h"

/*
 * The anti-replay window of one inbound SA (RFC 4303 3.4.3, appendix A for 64-bit numbers), as a
 * ring of words in the manner of RFC 6479: moving the window right clears whole words and never
 * shifts. Written by the SA's owner worker alone.
 *
 * Check first, with a const window; update only after the ICV verified.
 */

#define REPLAY_WORD_BITS 64

struct replay {
	uint64_t top;    /* highest number accepted; 0: none yet */
	uint32_t window; /* numbers remembered, top included; 0: no replay check at all (manual keys
			    only) */
	uint32_t words;  /* in `seen`: a power of two, at least (window + 62) / 64 + 1 */
	uint64_t seen[]; /* bit s % 64 of word (s / 64) % words */
};

/* Where an SA is, when it is moved here or set anew. */
struct replay_state {
	uint32_t window; /* 0 or REPLAY_WINDOW_MIN .. REPLAY_WINDOW_MAX */
	uint64_t top;    /* highest number seen before; 0: a new SA */
	/* Numbers up to it that were not seen: bit i % 32 of word i / 32 stands for top - i. All
	 * others count as seen. */
	const uint32_t *unseen;
	uint32_t n_unseen; /* bits */
};

/* Is its window of a size that there is? */
bool replay_valid(const struct replay_state *state);

/* Bytes of a window of that size; `window` is 0 or REPLAY_WINDOW_MIN .. REPLAY_WINDOW_MAX. */
size_t replay_size(uint32_t window);
/* Empties it. `top` continues an SA that was moved here: all numbers up to it count as seen.
 * Control, before publishing. */
void replay_init(struct replay *replay, uint32_t window, uint64_t top);
/* The same with holes. */
void replay_resume(struct replay *replay, const struct replay_state *state);
/* Has the number been seen, or is it left of the window? Any thread; the owner may be writing. */
bool replay_seen(const struct replay *replay, uint64_t sequence);

/*
 * The 64-bit number that the low half `low` stands for with ESN (RFC 4303 appendix A2.2): the
 * candidate nearest to the window. Without ESN the caller uses `low` itself.
 */
uint64_t replay_extend(const struct replay *replay, uint32_t low);

/* For numbers that are not above the top, of an SA with a window. */
enum drop_reason replay_check_behind(const struct replay *replay, uint64_t sequence);
enum drop_reason replay_update_behind(struct replay *replay, uint64_t sequence);
/* Empties the words between the top's and that of a number above it. */
void replay_clear_words(struct replay *replay, uint64_t sequence);

/* Where in `seen` a number has its bit. */
static inline size_t
replay_word_of(const struct replay *replay, uint64_t sequence)
{
	return sequence / REPLAY_WORD_BITS & (replay->words - 1);
}

static inline uint64_t
replay_bit_of(uint64_t sequence)
{
	return UINT64_C(1) << sequence % REPLAY_WORD_BITS;
}

/* DROP_NONE when `sequence` may be new, else DROP_replay_duplicate or DROP_replay_late. Zero is
 * never valid, unless nothing is checked: RFC 4303 3.4.3 lets manual keys do without. */
static inline enum drop_reason
replay_check(const struct replay *replay, uint64_t sequence)
{
	if (likely(sequence > replay->top) || replay->window == 0)
		return DROP_NONE;
	return replay_check_behind(replay, sequence);
}

/* Marks an authenticated number as seen and moves the window. Same answers as the check, which a
 * burst may have outrun. */
static inline enum drop_reason
replay_update(struct replay *replay, uint64_t sequence)
{
	if (unlikely(sequence <= replay->top))
		return replay->window == 0 ? DROP_NONE : replay_update_behind(replay, sequence);
	if (unlikely(sequence / REPLAY_WORD_BITS != replay->top / REPLAY_WORD_BITS))
		replay_clear_words(replay, sequence);
	/* The control core reads it for `show sas`. */
	__atomic_store_n(&replay->top, sequence, __ATOMIC_RELAXED);
	replay->seen[replay_word_of(replay, sequence)] |= replay_bit_of(sequence);
	return DROP_NONE;
}
