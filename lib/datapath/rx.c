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
rx_queue_take(struct worker *worker, const struct rx_queue *queue)
{
	struct ip_burst *burst = &worker->ip;
	unsigned n = rte_eth_rx_burst(queue->dpdk_port, queue->queue, burst->pkt, BURST_PKTS);

	if (n == 0)
		return 0;
	count(worker, &worker->counters->ports[queue->port], burst->pkt, n);
	burst->n = n;
	burst->ports = UINT32_C(1) << queue->port;
	for (unsigned i = 0; i < n; i++)
		burst->ingress[i] = queue->port;
	return n;
}

unsigned
rx_ring_take(struct worker *worker)
{
	struct ip_burst *burst = &worker->ip;
	unsigned n = rte_ring_dequeue_burst(
		worker->handed[worker->id], (void **)burst->pkt, BURST_PKTS, NULL);

	if (n == 0)
		return 0;
	counter_add(&worker->counters->packets, n);
	counter_add(&worker->counters->bursts, 1);
	burst->n = n;
	burst->ports = 0;
	for (unsigned i = 0; i < n; i++) {
		burst->ingress[i] = worker->port_index[burst->pkt[i]->port];
		burst->ports |= UINT32_C(1) << burst->ingress[i];
	}
	return n;
}
