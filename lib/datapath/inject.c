/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include "ipv4.h"
#include "punt.h"

unsigned
inject(struct worker *worker)
{
	struct tunnel_burst *burst = &worker->tunnel;
	unsigned n;

	n = rte_ring_dequeue_burst(worker->inject, (void **)burst->pkt, BURST_PKTS, NULL);
	if (likely(n == 0))
		return 0;
	counter_add(&worker->counters->packets, n);
	counter_add(&worker->counters->bursts, 1);
	for (unsigned i = 0; i < n; i++) {
		const struct rte_ipv4_hdr *ip = burst_ip(burst->pkt[i]);

		burst->tunnel[i] = punt_index(burst->pkt[i]);
		burst->total[i] = rte_be_to_cpu_16(ip->total_length);
		burst->onward[i] = ipv4_ttl_word(ip); /* ours: it has made no hop yet */
		burst->ingress[i] = INGRESS_TUNNEL | burst->tunnel[i];
	}
	burst->n = n;
	return n;
}
