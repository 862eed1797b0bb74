/* SPDX-License-Identifier: BSD-3-Clause */
#include "xfrm_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_malloc.h>

#include "compiler.h"

#define SLOTS_MIN 64

struct xfrm_states {
	struct xfrm_state *by_name;
	struct xfrm_state **slots; /* NULL: free */
	uint32_t *free_slots;      /* a stack */
	uint32_t n_slots, n_free;
	unsigned n_reserved;
	TAILQ_HEAD(, xfrm_state) reserved; /* oldest first */
};

struct xfrm_states *
xfrm_states_create(void)
{
	struct xfrm_states *states = calloc(1, sizeof(*states));

	if (states != NULL)
		TAILQ_INIT(&states->reserved);
	return states;
}

void
xfrm_states_destroy(struct xfrm_states *states)
{
	struct xfrm_state *state, *next;

	if (states == NULL)
		return;
	HASH_ITER (hh, states->by_name, state, next) {
		HASH_DEL(states->by_name, state);
		xfrm_state_free(state);
	}
	free(states->slots);
	free(states->free_slots);
	free(states);
}

unsigned
xfrm_states_count(const struct xfrm_states *states)
{
	return states->n_slots - states->n_free;
}

static int
grow(struct xfrm_states *states)
{
	uint32_t n = states->n_slots == 0 ? SLOTS_MIN : 2 * states->n_slots;
	struct xfrm_state **slots = realloc(states->slots, n * sizeof(struct xfrm_state *));

	if (slots == NULL)
		return -ENOMEM;
	states->slots = slots;
	uint32_t *free_slots = realloc(states->free_slots, n * sizeof(*free_slots));
	if (free_slots == NULL)
		return -ENOMEM;
	states->free_slots = free_slots;
	for (uint32_t slot = n; slot-- > states->n_slots;) {
		slots[slot] = NULL;
		free_slots[states->n_free++] = slot;
	}
	states->n_slots = n;
	return 0;
}

struct xfrm_state *
xfrm_state_add(struct xfrm_states *states, struct xfrm_name name)
{
	struct xfrm_state *state;

	if (states->n_free == 0 && grow(states) < 0)
		return NULL;
	/* In DPDK's memory, as the keys of workers: locked, and in no core file. */
	state = rte_zmalloc("xfrm_state", sizeof(*state), CACHE_LINE_BYTES);
	if (state == NULL)
		return NULL;
	state->name = name;
	HASH_ADD(hh, states->by_name, name, sizeof(state->name), state);
	if (state->hh.tbl == NULL) {
		rte_free(state);
		return NULL;
	}
	state->slot = states->free_slots[--states->n_free];
	states->slots[state->slot] = state;
	return state;
}

struct xfrm_state *
xfrm_state_find(const struct xfrm_states *states, struct xfrm_name name)
{
	struct xfrm_state *found;

	HASH_FIND(hh, states->by_name, &name, sizeof(name), found);
	return found;
}

struct xfrm_state *
xfrm_state_next(const struct xfrm_states *states, uint32_t *cursor)
{
	while (*cursor < states->n_slots) {
		struct xfrm_state *state = states->slots[(*cursor)++];

		if (state != NULL)
			return state;
	}
	return NULL;
}

void
xfrm_state_remove(struct xfrm_states *states, struct xfrm_state *state)
{
	xfrm_state_claim(states, state);
	HASH_DEL(states->by_name, state);
	states->slots[state->slot] = NULL;
	states->free_slots[states->n_free++] = state->slot;
}

void
xfrm_state_free(struct xfrm_state *state)
{
	explicit_bzero(state, sizeof(*state));
	rte_free(state);
}

void
xfrm_state_reserve(struct xfrm_states *states, struct xfrm_state *state, uint64_t now_ns)
{
	state->reserved_ns = now_ns;
	TAILQ_INSERT_TAIL(&states->reserved, state, link);
	states->n_reserved++;
}

void
xfrm_state_claim(struct xfrm_states *states, struct xfrm_state *state)
{
	if (state->reserved_ns == 0)
		return;
	state->reserved_ns = 0;
	TAILQ_REMOVE(&states->reserved, state, link);
	states->n_reserved--;
}

unsigned
xfrm_states_reserved(const struct xfrm_states *states)
{
	return states->n_reserved;
}

struct xfrm_state *
xfrm_state_stale(const struct xfrm_states *states, uint64_t reserved_ns)
{
	struct xfrm_state *oldest = TAILQ_FIRST(&states->reserved);

	return oldest != NULL && oldest->reserved_ns <= reserved_ns ? oldest : NULL;
}
