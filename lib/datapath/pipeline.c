/* SPDX-License-Identifier: BSD-3-Clause */
#include "pipeline.h"

#include "early.h"
#include "punt.h"
#include "stage_clock.h"
#include "stages.h"
#include "warm.h"

/* ESP to us: out come inner packets, appended to worker->ip. */
static void
pipeline_inbound(struct worker *worker)
{
	unsigned n = worker->esp.n;

	esp_verify(worker);
	stage_clock_bill(worker, STAGE_esp_verify, n);
	esp_decrypt(worker);
	stage_clock_bill(worker, STAGE_esp_decrypt, n);
	esp_decap(worker);
	stage_clock_bill(worker, STAGE_esp_decap, n);
}

/* All of worker->tunnel, into tunnels. */
static void
pipeline_tunnels(struct worker *worker)
{
	unsigned n = worker->tunnel.n;

	if (warm_pays(worker))
		warm_tunnels(worker);
	esp_admit(worker);
	stage_clock_bill(worker, STAGE_esp_admit, n);
	do {
		n = worker->tunnel.n;
		esp_encap(worker);
		stage_clock_bill(worker, STAGE_esp_encap, n);
		esp_seal(worker);
		stage_clock_bill(worker, STAGE_esp_seal, n);
	} while (esp_fragment(worker) > 0);
}

/* All of worker->ip, to ports and tunnels. */
static void
pipeline_outbound(struct worker *worker)
{
	unsigned n = worker->ip.n;

	lookup(worker);
	stage_clock_bill(worker, STAGE_lookup, n);
	forward(worker);
	stage_clock_bill(worker, STAGE_forward, n);
	if (worker->tunnel.n > 0)
		pipeline_tunnels(worker);
}

/* What went no further: some of it is for the kernel, some deserves an answer, none is lost. */
static void
pipeline_victims(struct worker *worker)
{
	unsigned n = worker->victims.n;

	reassemble(worker);
	if (unlikely(early_any(worker->gw->early)))
		esp_early(worker);
	heed_icmp(worker);
	if (worker->gw->punt->kernel)
		punt(worker);
	icmp_errors(worker);
	drop_victims(worker);
	stage_clock_bill(worker, STAGE_victims, n);
	/* The errors, of which some are for the kernel, or want a neighbor that is not known. */
	if (worker->ip.n > 0) {
		pipeline_outbound(worker);
		if (worker->gw->punt->kernel)
			punt(worker);
		drop_victims(worker);
	}
}

void
pipeline_frames(struct worker *worker)
{
	unsigned n = worker->ip.n;
	bool candidates = parse(worker);

	stage_clock_bill(worker, STAGE_parse, n);
	if (candidates) {
		esp_claim(worker);
		stage_clock_bill(worker, STAGE_esp_claim, n);
	}
	if (worker->ip.n > 0 && (worker->ip.ports & worker->gw->outside)) {
		n = worker->ip.n;
		refuse_clear(worker);
		stage_clock_bill(worker, STAGE_refuse_clear, n);
	}
	if (worker->esp.n > 0)
		pipeline_inbound(worker);
	if (worker->ip.n > 0)
		pipeline_outbound(worker);
	if (worker->victims.n > 0)
		pipeline_victims(worker);
}

void
pipeline_overdue(struct worker *worker)
{
	reassembly_expire(worker);
	if (worker->victims.n == 0)
		return;
	if (worker->gw->punt->kernel)
		punt(worker);
	drop_victims(worker);
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
