/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include <rte_ethdev.h>

static void
count(struct worker *worker, struct port_counters *port, struct rte_mbuf *pkt[], unsigned n)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++)
		bytes += pkt[i]->pkt_len;
	counter_add(&port->rx.packets, n);
	counter_add(&port->rx.bytes, bytes);
	counter_add(&worker->counters->packets, n);
	counter_add(&worker->counters->bursts, 1);
}

unsigned
rx_queue_take(struct worker *worker, const struct rx_queue *queue, struct rte_mbuf *pkt[])
{
	unsigned n = rte_eth_rx_burst(queue->dpdk_port, queue->queue, pkt, BURST_PKTS);

	if (n > 0)
		count(worker, &worker->counters->ports[queue->port], pkt, n);
	return n;
}

unsigned
rx_ring_take(struct worker *worker, struct rte_mbuf *pkt[])
{
	unsigned n =
		rte_ring_dequeue_burst(worker->handed[worker->id], (void **)pkt, BURST_PKTS, NULL);

	if (n > 0) {
		counter_add(&worker->counters->packets, n);
		counter_add(&worker->counters->bursts, 1);
	}
	return n;
}
