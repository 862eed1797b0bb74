/* SPDX-License-Identifier: BSD-3-Clause */
#include "trial.h"

#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>

#define TICK_US 5000
#define QUIET_S 0.05 /* with nothing missing, late duplicates have had their time */

static double
seconds_since(uint64_t tsc)
{
	return (double)(rte_rdtsc() - tsc) / (double)rte_get_tsc_hz();
}

/* A line about the last second. */
static void
tell(const struct progress *now, const struct progress *before, unsigned second,
	const struct options *options)
{
	char line[256];
	int used = snprintf(line, sizeof(line), "%5u s", second);

	for (enum direction d = 0; d < DIRECTION_COUNT; d++)
		if (options->directions[d])
			used += snprintf(line + used, sizeof(line) - (size_t)used,
				"   %s %.3f Mpps sent, %.3f Mpps right", direction_name(d),
				(double)(now->sent[d] - before->sent[d]) / 1e6,
				(double)(now->accepted[d] - before->accepted[d]) / 1e6);
	fprintf(stderr, "%s, %" PRIu64 " wrong\n", line, now->wrong);
}

static bool
all_arrived(const struct progress *progress)
{
	for (enum direction d = 0; d < DIRECTION_COUNT; d++)
		if (progress->accepted[d] < progress->sent[d])
			return false;
	return true;
}

/* Sends until all is sent; tells what happens. */
static void
send_all(const struct range *range, const struct trial *trial)
{
	struct progress before = { 0 };
	uint64_t start = rte_rdtsc();
	unsigned second = 1;

	while (!team_sent_all(range->team) && !*range->interrupted) {
		rte_delay_us_sleep(TICK_US);
		if (seconds_since(start) < second)
			continue;
		struct progress now = outcome_progress(range->team);
		if (trial->voice == TRIAL_TELLS)
			tell(&now, &before, second, range->needs.options);
		before = now;
		second++;
	}
}

/* Waits for what is on its way: --drain at most, less when nothing is missing. */
static void
drain(const struct range *range)
{
	uint64_t start = rte_rdtsc();

	while (seconds_since(start) < range->needs.options->drain_s && !*range->interrupted) {
		struct progress now = outcome_progress(range->team);

		if (all_arrived(&now) && seconds_since(start) > QUIET_S &&
			seconds_since(now.last_rx) > QUIET_S)
			return;
		rte_delay_us_sleep(TICK_US);
	}
}

bool
trial_run(struct range *range, const struct trial *trial, struct outcome *outcome)
{
	flows_reset(range->needs.flows);
	for (unsigned i = 0; i < range->needs.peers->n_sas; i++)
		memset(&range->needs.peers->sas[i].order, 0, sizeof(struct esp_order));
	streams_prepare(range->needs.streams, &trial->order);
	team_begin(range->team, range->next_id++, trial->seconds);
	send_all(range, trial);
	drain(range);
	team_end(range->team);

	bool gathered = outcome_gather(outcome, range->team, &range->needs);
	streams_clear(range->needs.streams);
	return gathered;
}
