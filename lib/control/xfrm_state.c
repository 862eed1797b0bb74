/* SPDX-License-Identifier: BSD-3-Clause */
#include "xfrm_state.h"

#include <stdlib.h>
#include <string.h>

#include "slab.h"
#include "slots.h"

struct xfrm_states {
	struct slab *slab;
	struct xfrm_state *by_name;
	struct slots slots; /* all of them: xfrm_state.slot */
	unsigned n_reserved;
	TAILQ_HEAD(, xfrm_state) reserved; /* oldest first */
};

struct xfrm_states *
xfrm_states_create(struct slab *slab)
{
	struct xfrm_states *states = calloc(1, sizeof(*states));

	if (states == NULL)
		return NULL;
	states->slab = slab;
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
	slots_destroy(&states->slots);
	free(states);
}

unsigned
xfrm_states_count(const struct xfrm_states *states)
{
	return slots_count(&states->slots);
}

struct xfrm_state *
xfrm_state_add(struct xfrm_states *states, struct xfrm_name name)
{
	struct xfrm_state *state;

	if (slots_reserve(&states->slots) < 0)
		return NULL;
	/* In DPDK's memory, as the keys of workers: locked, and in no core file. */
	state = slab_alloc(states->slab, sizeof(*state));
	if (state == NULL)
		return NULL;
	state->name = name;
	HASH_ADD(hh, states->by_name, name, sizeof(state->name), state);
	if (state->hh.tbl == NULL) {
		slab_free(state);
		return NULL;
	}
	state->slot = slots_put(&states->slots, state);
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
	return slots_next(&states->slots, cursor);
}

void
xfrm_state_remove(struct xfrm_states *states, struct xfrm_state *state)
{
	xfrm_state_claim(states, state);
	HASH_DEL(states->by_name, state);
	slots_remove(&states->slots, state->slot);
}

void
xfrm_state_free(struct xfrm_state *state)
{
	slab_free(state);
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
