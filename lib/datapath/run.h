/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "gateway.h"
#include "worker.h"

/* Runs: the packets of one burst that share a tunnel. See struct tunnel_run. */

/* The tunnel's run in this burst; the first packet of it decides which encap all use. */
static inline struct tunnel_run *
run_open(struct worker *worker, uint16_t tunnel)
{
	struct tunnel_run *run = &worker->runs[tunnel];

	if (run->packets == 0)
		run->encap = gateway_encap(worker->gw, tunnel);
	return run;
}

/* One more packet; returns its ordinal. */
static inline uint16_t
run_join(struct worker *worker, struct tunnel_run *run, uint16_t bytes)
{
	if (run->packets == 0)
		worker->active[worker->n_active++] = (uint16_t)(run - worker->runs);
	run->bytes += bytes;
	return ++run->packets;
}

/* Takes sequence numbers and lifetime for every open run: once per SA and burst. */
void run_reserve_all(struct worker *worker);

/* Bills what was sent to tunnels and SAs, and closes all runs. */
void run_settle_all(struct worker *worker);
