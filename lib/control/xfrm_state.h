/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <linux/xfrm.h>

#include "sa.h"

/*
 * What clients see of an SA and the tables do not keep: what they said when they added it, keys
 * too, for they may ask for it back. Wiped when the SA retires. Reserved SPIs are here alone, until
 * an UPDSA makes SAs of them. Control only.
 */

#define XFRM_ENCRYPTION_KEY_BYTES_MAX 36
#define XFRM_AUTHENTICATION_KEY_BYTES_MAX 64
#define XFRM_REPLAY_WORDS_MAX 128 /* the kernel's XFRMA_REPLAY_ESN_MAX in words */

struct key_use;

struct xfrm_name {
	uint32_t spi;
	uint32_t destination;
};

struct xfrm_state {
	struct xfrm_name name;
	struct sa *sa; /* NULL: an SPI that is reserved */
	struct xfrm_usersa_info info;
	bool manual;            /* from the configuration: stays listed when it has run out */
	uint32_t if_id;         /* as given; 0: it was not */
	uint32_t replay_words;  /* of the bitmap in XFRMA_REPLAY_ESN_VAL; 0: XFRMA_REPLAY_VAL it was
				 */
	uint32_t replay_window; /* as asked for */
	struct xfrm_encap_tmpl encap; /* encap_type 0: none */
	uint32_t mapping_seconds;     /* XFRMA_MTIMER_THRESH; 0: it was not given */
	struct key_use *key_use;      /* outbound, not manual */
	uint8_t encryption_key[XFRM_ENCRYPTION_KEY_BYTES_MAX];
	uint8_t authentication_key[XFRM_AUTHENTICATION_KEY_BYTES_MAX];

	/* xfrm_state.c's own */
	UT_hash_handle hh;
	uint32_t slot;
	uint64_t reserved_ns;         /* CLOCK_MONOTONIC; 0: it is no reserved SPI */
	TAILQ_ENTRY(xfrm_state) link; /* among those that are reserved */
};

struct xfrm_states;

struct slab;
struct xfrm_states *xfrm_states_create(struct slab *slab);
/* Wipes all. No SA may refer to them any more. */
void xfrm_states_destroy(struct xfrm_states *states);
unsigned xfrm_states_count(const struct xfrm_states *states);

/* Makes one of that name. NULL: out of memory. The name must be free. */
struct xfrm_state *xfrm_state_add(struct xfrm_states *states, struct xfrm_name name);
struct xfrm_state *xfrm_state_find(const struct xfrm_states *states, struct xfrm_name name);
/* Walks all, by a cursor that starts at 0; NULL at the end. */
struct xfrm_state *xfrm_state_next(const struct xfrm_states *states, uint32_t *cursor);
/* Takes it out of the table, where nobody finds it any more; it still is its SA's. */
void xfrm_state_remove(struct xfrm_states *states, struct xfrm_state *state);
/* Wipes and frees one that was removed. */
void xfrm_state_free(struct xfrm_state *state);

/* --- reserved SPIs --- */

/* Counts it among the reserved ones, or no longer: an SA came of it. */
void xfrm_state_reserve(struct xfrm_states *states, struct xfrm_state *state, uint64_t now_ns);
void xfrm_state_claim(struct xfrm_states *states, struct xfrm_state *state);
unsigned xfrm_states_reserved(const struct xfrm_states *states);
/* One that was reserved at that time or before; NULL: none. */
struct xfrm_state *xfrm_state_stale(const struct xfrm_states *states, uint64_t reserved_ns);
