/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "netlink.h"
#include "xfrm_state.h"

/*
 * Sequence numbers and replay windows as XFRMA_REPLAY_VAL and XFRMA_REPLAY_ESN_VAL carry them. The
 * former's bitmap has the highest number at bit 0; the latter's is a ring, in which number s stands
 * at bit (s - 1) % window.
 */

struct xfrm_replay {
	bool given;          /* by an attribute */
	uint32_t window;     /* as asked for */
	uint32_t words;      /* of the bitmap in XFRMA_REPLAY_ESN_VAL; 0: it was none */
	uint64_t sent, seen; /* highest numbers */
	uint32_t n_unseen;
	uint32_t unseen[XFRM_REPLAY_WORDS_MAX]; /* as in struct sa_spec */
};

/* `old_window` is that of struct xfrm_usersa_info. 0, or -EINVAL in words. */
int xfrm_replay_read(const struct netlink_attribute found[], uint32_t old_window, bool esn,
	struct xfrm_replay *replay, struct netlink_refusal *why);

/* Inbound, extended numbers cannot do without a window: their upper half is guessed by it (RFC 4303
 * A.2). 0, or -EINVAL in words. */
int xfrm_replay_check(const struct xfrm_replay *replay, enum sa_direction direction, bool esn,
	struct netlink_refusal *why);

/* The window that an inbound SA gets for what was asked for; its words stay those of `replay`. */
struct replay_state xfrm_replay_state(const struct xfrm_replay *replay);

/* Where an SA is, in the attribute that its client used. */
void xfrm_replay_write(struct netlink_writer *writer, const struct xfrm_state *state);
