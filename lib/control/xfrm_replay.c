/* SPDX-License-Identifier: BSD-3-Clause */
#include "xfrm_replay.h"

#include <errno.h>
#include <string.h>

#include <linux/xfrm.h>

#include "compiler.h"

#define WORD_BITS 32

struct replay_state
xfrm_replay_state(const struct xfrm_replay *replay)
{
	uint32_t window = replay->window;

	/* RFC 4303 3.4.3: none is what its client wants where keys are manual. */
	if (window != 0 && window < REPLAY_WINDOW_MIN)
		window = REPLAY_WINDOW_MIN;
	return (struct replay_state) { window, replay->seen, replay->unseen, replay->n_unseen };
}

static bool
has_bit(const uint32_t words[], uint32_t bit)
{
	return words[bit / WORD_BITS] >> bit % WORD_BITS & 1;
}

static void
set_bit(uint32_t words[], uint32_t bit)
{
	words[bit / WORD_BITS] |= UINT32_C(1) << bit % WORD_BITS;
}

/* The bit of the number `back` below the highest in the kernel's ring. */
static uint32_t
ring_bit(uint64_t seen, uint32_t window, uint32_t back)
{
	uint32_t top = ((uint32_t)seen - 1) % window;

	return top >= back ? top - back : window - (back - top);
}

static int
read_old(const struct netlink_attribute *attribute, struct xfrm_replay *replay)
{
	struct netlink_span span = { attribute->data, attribute->bytes };
	struct xfrm_replay_state state = { 0 };

	netlink_take(&span, &state, sizeof(state));
	replay->given = true;
	replay->sent = state.oseq;
	replay->seen = state.seq;
	replay->n_unseen = replay->window < WORD_BITS ? replay->window : WORD_BITS;
	replay->unseen[0] = ~state.bitmap;
	return 0;
}

static int
read_esn(const struct netlink_attribute *attribute, bool esn, struct xfrm_replay *replay,
	struct netlink_refusal *why)
{
	struct netlink_span span = { attribute->data, attribute->bytes };
	struct xfrm_replay_state_esn state = { 0 };
	uint32_t ring[XFRM_REPLAY_WORDS_MAX] = { 0 };

	netlink_take(&span, &state, sizeof(state));
	/* Without any of its words, as ip sends it for a new SA, the bitmap is empty. */
	if (state.bmp_len > XFRM_REPLAY_WORDS_MAX ||
		(span.bytes != 0 && span.bytes < state.bmp_len * sizeof(ring[0])))
		return netlink_refuse(why, EINVAL,
			"the replay bitmap is said to have %u words of 32 bits, %zu are there and "
			"%u may be",
			state.bmp_len, span.bytes / sizeof(ring[0]), XFRM_REPLAY_WORDS_MAX);
	if (state.replay_window > state.bmp_len * WORD_BITS)
		return netlink_refuse(why, EINVAL,
			"a replay window of %u does not fit into its bitmap of %u words",
			state.replay_window, state.bmp_len);
	if (!esn && (state.oseq_hi != 0 || state.seq_hi != 0))
		return netlink_refuse(
			why, EINVAL, "a sequence number above 2^32 without extended ones");
	netlink_take(&span, ring, state.bmp_len * sizeof(ring[0]));
	replay->given = true;
	replay->words = state.bmp_len;
	replay->window = state.replay_window;
	replay->sent = (uint64_t)state.oseq_hi << 32 | state.oseq;
	replay->seen = (uint64_t)state.seq_hi << 32 | state.seq;
	replay->n_unseen = state.replay_window;
	for (uint32_t back = 0; back < replay->n_unseen; back++)
		if (!has_bit(ring, ring_bit(replay->seen, replay->window, back)))
			set_bit(replay->unseen, back);
	return 0;
}

int
xfrm_replay_read(const struct netlink_attribute found[], uint32_t old_window, bool esn,
	struct xfrm_replay *replay, struct netlink_refusal *why)
{
	*replay = (struct xfrm_replay) { .window = old_window };
	if (found[XFRMA_REPLAY_ESN_VAL].data == NULL) {
		if (esn)
			return netlink_refuse(
				why, EINVAL, "extended sequence numbers need XFRMA_REPLAY_ESN_VAL");
		if (found[XFRMA_REPLAY_VAL].data != NULL)
			return read_old(&found[XFRMA_REPLAY_VAL], replay);
		return 0;
	}
	if (old_window != 0)
		return netlink_refuse(why, EINVAL,
			"two replay windows: %u in the SA, and one in XFRMA_REPLAY_ESN_VAL",
			old_window);
	return read_esn(&found[XFRMA_REPLAY_ESN_VAL], esn, replay, why);
}

int
xfrm_replay_check(const struct xfrm_replay *replay, enum sa_direction direction, bool esn,
	struct netlink_refusal *why)
{
	if (direction == SA_IN && esn && replay->window == 0)
		return netlink_refuse(
			why, EINVAL, "extended sequence numbers need a replay window");
	return 0;
}

/* Highest numbers sent and seen; an SA has one of the two. */
static void
find_highest(const struct xfrm_state *state, uint64_t *sent, uint64_t *seen)
{
	*sent = *seen = 0;
	if (state->sa == NULL)
		return;
	*(state->sa->direction == SA_OUT ? sent : seen) = sa_last_sequence(state->sa);
}

static bool
was_seen(const struct xfrm_state *state, uint64_t seen, uint32_t back)
{
	const struct sa *sa = state->sa;

	return sa != NULL && sa->direction == SA_IN && back < seen &&
		sa_replay(sa)->window > back && replay_seen(sa_replay(sa), seen - back);
}

static void
write_old(
	struct netlink_writer *writer, const struct xfrm_state *state, uint64_t sent, uint64_t seen)
{
	struct xfrm_replay_state old = { .oseq = (uint32_t)sent, .seq = (uint32_t)seen };

	for (uint32_t back = 0; back < WORD_BITS; back++)
		if (was_seen(state, seen, back))
			set_bit(&old.bitmap, back);
	netlink_put_attribute(writer, XFRMA_REPLAY_VAL, &old, sizeof(old));
}

void
xfrm_replay_write(struct netlink_writer *writer, const struct xfrm_state *state)
{
	const size_t head_bytes = sizeof(struct xfrm_replay_state_esn);
	uint8_t bytes[sizeof(struct xfrm_replay_state_esn) +
		sizeof(uint32_t[XFRM_REPLAY_WORDS_MAX])];
	uint32_t ring[XFRM_REPLAY_WORDS_MAX] = { 0 };
	size_t ring_bytes = state->replay_words * sizeof(ring[0]);
	uint64_t sent, seen;

	find_highest(state, &sent, &seen);
	if (state->replay_words == 0) {
		write_old(writer, state, sent, seen);
		return;
	}
	const struct xfrm_replay_state_esn head = {
		.bmp_len = state->replay_words,
		.oseq = (uint32_t)sent,
		.seq = (uint32_t)seen,
		.oseq_hi = (uint32_t)(sent >> 32),
		.seq_hi = (uint32_t)(seen >> 32),
		.replay_window = state->replay_window,
	};
	for (uint32_t back = 0; back < state->replay_window; back++)
		if (was_seen(state, seen, back))
			set_bit(ring, ring_bit(seen, state->replay_window, back));
	memcpy(bytes, &head, head_bytes);
	memcpy(bytes + head_bytes, ring, ring_bytes);
	netlink_put_attribute(
		writer, XFRMA_REPLAY_ESN_VAL, bytes, (uint16_t)(head_bytes + ring_bytes));
}
