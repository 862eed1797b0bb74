/* SPDX-License-Identifier: BSD-3-Clause */
#include "totals.h"

static void
add(struct traffic *total, const struct traffic *part)
{
	total->packets += counter_read(&part->packets);
	total->bytes += counter_read(&part->bytes);
}

uint64_t
totals_drop(const struct gateway *gw, enum drop_reason reason)
{
	uint64_t total = gw->control_drops[reason];

	for (unsigned worker = 0; worker < gw->n_workers; worker++)
		total += counter_read(&gw->counters[worker]->drops[reason]);
	return total;
}

void
totals_port(const struct gateway *gw, unsigned port, struct port_counters *total)
{
	*total = (struct port_counters) { 0 };
	for (unsigned worker = 0; worker < gw->n_workers; worker++) {
		const struct port_counters *part = &gw->counters[worker]->ports[port];

		add(&total->rx, &part->rx);
		add(&total->tx, &part->tx);
		total->tx_full += counter_read(&part->tx_full);
	}
}

uint64_t
totals_worker_drops(const struct worker_counters *counters)
{
	uint64_t total = 0;

	for (unsigned reason = DROP_NONE + 1; reason < DROP_REASON_COUNT; reason++)
		total += counter_read(&counters->drops[reason]);
	return total;
}
