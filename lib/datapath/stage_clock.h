/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <rte_cycles.h>

#include "worker.h"

/*
 * Where the time goes: each stage is billed for the cycles since the last reading of the clock. One
 * reading per stage and burst; nothing at all unless the build asks for it (-Dstage_cycles=true).
 */
#ifdef ESPALIER_STAGE_CYCLES

/* What came before belongs to no stage. */
static inline void
stage_clock_start(struct worker *worker)
{
	worker->stage_tsc = rte_rdtsc();
}

static inline void
stage_clock_bill(struct worker *worker, enum stage stage, unsigned packets)
{
	struct stage_counters *counters = &worker->counters->stages[stage];
	uint64_t now = rte_rdtsc();

	counter_add(&counters->packets, packets);
	counter_add(&counters->cycles, now - worker->stage_tsc);
	worker->stage_tsc = now;
}

#else

static inline void
stage_clock_start(struct worker *worker)
{
	(void)worker;
}

static inline void
stage_clock_bill(struct worker *worker, enum stage stage, unsigned packets)
{
	(void)worker;
	(void)stage;
	(void)packets;
}

#endif
