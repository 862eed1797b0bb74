/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "gateway.h"
#include "worker.h"

/* Runs: the packets of one burst that share a tunnel. See struct tunnel_run. */

/* The run of the branch that a packet takes, or `trunk` where it takes none. */
struct tunnel_run *
run_branch(struct worker *worker, struct tunnel_run *trunk, const struct rte_ipv4_hdr *ip);

/* Makes a run. It is in use when a packet joins it; until then the next one may take its place. */
struct tunnel_run *run_begin(struct worker *worker, uint16_t slot, const struct encap *encap);

/*
 * The open run of that slot; NULL: there is none.
 *
 * Runs lie side by side, and a slot costs a byte: with thousands of tunnels they stay near.
 */
static inline struct tunnel_run *
run_find(struct worker *worker, uint16_t slot)
{
	unsigned place = worker->run_of[slot];
	struct tunnel_run *run = &worker->runs[place];

	/* The slot first: the place may be left over from an earlier burst, and whether it is below
	 * n_runs is chance. Whether the slot is the same a CPU can predict: nearly always with few
	 * tunnels, nearly never with many. */
	return run->slot == slot && place < worker->n_runs ? run : NULL;
}

/* That of a tunnel, or a new one. So the burst's first packet decides which encap all use. */
static inline struct tunnel_run *
run_of_tunnel(struct worker *worker, uint16_t tunnel)
{
	struct tunnel_run *run = run_find(worker, tunnel);

	return run != NULL ? run : run_begin(worker, tunnel, gateway_encap(worker->gw, tunnel));
}

/* The run that a packet joins: that of the branch it takes, where its tunnel has several SAs at
 * work. Where no branch wants it, the tunnel's own, whose encap says what becomes of it. */
static inline struct tunnel_run *
run_choose(struct worker *worker, uint16_t tunnel, const struct rte_mbuf *pkt)
{
	struct tunnel_run *run = run_of_tunnel(worker, tunnel);

	if (likely(run->encap->drop == DROP_NONE || run->encap->branches == NULL))
		return run;
	return run_branch(worker, run, burst_ip(pkt));
}

/* Its place among the worker's. */
static inline uint16_t
run_place(const struct worker *worker, const struct tunnel_run *run)
{
	return (uint16_t)(run - worker->runs);
}

/* One more packet; returns its ordinal. */
static inline uint16_t
run_join(struct worker *worker, struct tunnel_run *run, uint16_t bytes)
{
	worker->n_runs += run->packets == 0;
	run->bytes += bytes;
	return ++run->packets;
}

/* Takes sequence numbers and lifetime for every open run: once per SA and burst. */
void run_reserve_all(struct worker *worker);

/* Bills the SAs for what was sent and is not billed yet, and closes all runs. */
void run_settle_all(struct worker *worker);
