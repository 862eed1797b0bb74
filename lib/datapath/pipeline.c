/* SPDX-License-Identifier: BSD-3-Clause */
#include "pipeline.h"

#include "stages.h"

/* ESP to us: out come inner packets, appended to worker->ip. */
static void
pipeline_inbound(struct worker *worker, const uint16_t candidates[], unsigned n)
{
	esp_claim(worker, candidates, n);
	replay_stage_check(worker);
	esp_verify(worker);
	replay_stage_update(worker);
	esp_decap(worker);
}

/* All of worker->ip, to ports and tunnels. */
static void
pipeline_outbound(struct worker *worker)
{
	lookup(worker);
	forward(worker);
	if (worker->tunnel.n == 0)
		return;
	esp_admit(worker);
	do {
		esp_encap(worker);
		esp_seal(worker);
	} while (esp_fragment(worker) > 0);
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
	if (worker->victims.n > 0) {
		icmp_errors(worker);
		drop_victims(worker);
		if (worker->ip.n > 0) {
			pipeline_outbound(worker);
			drop_victims(worker);
		}
	}
}
