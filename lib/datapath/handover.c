/* SPDX-License-Identifier: BSD-3-Clause */
#include "handover.h"

void
handover_to(struct worker *worker, unsigned target, struct rte_mbuf *pkt, unsigned port)
{
	if (unlikely(rte_ring_enqueue(worker->handed[target], pkt) != 0))
		worker_drop(worker, pkt, port, DROP_handover_full);
	else
		counter_add(&worker->counters->handed_over, 1);
}
