/* SPDX-License-Identifier: BSD-3-Clause */
#include "pipeline.h"

#include "punt.h"
#include "stages.h"

/* ESP to us: out come inner packets, appended to worker->ip. */
static void
pipeline_inbound(struct worker *worker, const uint16_t candidates[], unsigned n)
{
	esp_claim(worker, candidates, n);
	esp_replay_check(worker);
	esp_verify(worker);
	esp_replay_update(worker);
	esp_decap(worker);
}

/* All of worker->tunnel, into tunnels. */
static void
pipeline_tunnels(struct worker *worker)
{
	esp_admit(worker);
	do {
		esp_encap(worker);
		esp_seal(worker);
	} while (esp_fragment(worker) > 0);
}

/* All of worker->ip, to ports and tunnels. */
static void
pipeline_outbound(struct worker *worker)
{
	lookup(worker);
	forward(worker);
	if (worker->tunnel.n > 0)
		pipeline_tunnels(worker);
}

/* What went no further: some of it is for the kernel, some deserves an answer, none is lost. */
static void
pipeline_victims(struct worker *worker)
{
	if (worker->gw->punt->kernel)
		punt(worker);
	icmp_errors(worker);
	drop_victims(worker);
	if (worker->ip.n > 0) {
		pipeline_outbound(worker);
		drop_victims(worker);
	}
}

void
pipeline_frames(struct worker *worker, struct rte_mbuf *pkt[], unsigned n)
{
	uint16_t candidates[BURST_PKTS];
	unsigned n_candidates = parse(worker, pkt, n, candidates);

	if (n_candidates > 0)
		pipeline_inbound(worker, candidates, n_candidates);
	if (worker->ip.n > 0)
		pipeline_outbound(worker);
	if (worker->victims.n > 0)
		pipeline_victims(worker);
}

unsigned
pipeline_injected(struct worker *worker)
{
	unsigned n = inject(worker);

	if (n > 0)
		pipeline_tunnels(worker);
	if (worker->victims.n > 0)
		pipeline_victims(worker);
	return n;
}
