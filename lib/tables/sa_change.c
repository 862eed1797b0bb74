/* SPDX-License-Identifier: BSD-3-Clause */
#include "sa_table.h"

#include <errno.h>

#include "clock.h"
#include "counters.h"
#include "gateway.h"
#include "lifetime.h"
#include "mapping.h"
#include "publish.h"
#include "slab.h"
#include "tunnel.h"

/* What control changes of an SA while workers use it. */

/* After a change of what limits it: workers pass packets again, until the next look says otherwise.
 */
static void
revive(struct gateway *gw, struct sa *sa)
{
	lifetime_set_limits(sa);
	sa->record->soft_expired = false;
	sa_look_soon(gw, sa);
	if (!atomic_exchange_explicit(&sa->expired, false, memory_order_relaxed))
		return;
	if (sa->direction == SA_OUT)
		tunnel_refresh(gw, &gw->tunnels[sa->tunnel]);
}

void
sa_set_lifetimes(struct gateway *gw, struct sa *sa, const struct sa_lifetime *hard,
	const struct sa_lifetime *soft)
{
	sa->record->lifetime = *hard;
	sa->record->soft = *soft;
	revive(gw, sa);
}

void
sa_set_past(struct gateway *gw, struct sa *sa, const struct sa_past *past)
{
	struct sa_record *record = sa->record;
	struct sa_past before = record->past;
	struct traffic here;

	/* What passed here up to now is part of the past that is told: the counters, which workers
	 * write, run on. Unsigned arithmetic makes up for a past that is smaller than they are. */
	sa_traffic(sa, &here);
	lifetime_set_past(sa, past, clock_now_ns());
	record->past.packets = past->packets - (here.packets - before.packets);
	record->past.bytes = past->bytes - (here.bytes - before.bytes);
	revive(gw, sa);
}

void
sa_set_ports(struct gateway *gw, struct sa *sa, uint16_t sport, uint16_t dport)
{
	struct sa_record *record = sa->record;

	record->encap_sport = sport;
	record->encap_dport = dport;
	atomic_store_explicit(
		&sa->peer, mapping_place(record->source, sport), memory_order_relaxed);
	if (sa->direction == SA_OUT)
		tunnel_refresh(gw, &gw->tunnels[sa->tunnel]);
}

void
sa_raise_sequence(const struct gateway *gw, struct sa *sa, uint64_t sequence)
{
	uint64_t taken = atomic_load_explicit(&sa->sequence, memory_order_relaxed);
	uint64_t step = sequence > taken ? sequence - taken : 0;

	/* The limit first: a worker must not find itself past it. */
	sa->record->first_sequence += step;
	lifetime_set_limits(sa);
	atomic_fetch_add_explicit(&sa->sequence, step, memory_order_relaxed);
	sa_look_soon(gw, sa);
}

static void
retire_replay(void *replay, void *context)
{
	(void)context;
	slab_free(replay);
}

int
sa_set_replay(struct gateway *gw, struct sa *sa, const struct replay_state *state)
{
	struct replay *fresh;

	if (sa->direction != SA_IN || !replay_valid(state) ||
		state->top > lifetime_last_sequence(sa->esn))
		return -EINVAL;
	fresh = slab_alloc(gw->slab, replay_size(state->window));
	if (fresh == NULL)
		return -ENOMEM;
	replay_resume(fresh, state);
	/* The first one is part of the SA's own memory. */
	publish_swap(gw->publisher, &sa->replay, fresh,
		sa->record->replay_apart ? retire_replay : NULL, NULL);
	sa->record->replay_apart = true;
	return 0;
}
