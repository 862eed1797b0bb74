/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

void
drop_victims(struct worker *worker)
{
	struct victims *victims = &worker->victims;

	for (unsigned i = 0; i < victims->n; i++)
		counter_add(&worker->counters->drops[victims->reason[i]], 1);
	rte_pktmbuf_free_bulk(victims->pkt, victims->n);
	victims->n = 0;
}
