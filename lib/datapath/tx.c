/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include <rte_ethdev.h>

/* Sends from a queue that is ours; what the device refuses is dropped, for to wait would hold up
 * everything else. */
static void
transmit(struct worker *worker, uint8_t port, struct rte_mbuf *pkt[], unsigned n)
{
	const struct tx_buffer *buffer = &worker->tx[port];
	struct port_counters *counters = &worker->counters->ports[port];
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++)
		bytes += pkt[i]->pkt_len;

	unsigned sent = rte_eth_tx_burst(buffer->dpdk_port, buffer->queue, pkt, (uint16_t)n);
	for (unsigned i = sent; i < n; i++)
		bytes -= pkt[i]->pkt_len;
	if (unlikely(sent < n)) {
		counter_add(&counters->tx_full, n - sent);
		counter_add(&worker->counters->drops[DROP_tx_full], n - sent);
		rte_pktmbuf_free_bulk(pkt + sent, n - sent);
	}
	counter_add(&counters->tx.packets, sent);
	counter_add(&counters->tx.bytes, bytes);
}

static void
flush_port(struct worker *worker, uint8_t port)
{
	struct tx_buffer *buffer = &worker->tx[port];
	unsigned n = buffer->n;

	buffer->n = 0;
	if (likely(buffer->to_owner == NULL)) {
		transmit(worker, port, buffer->pkt, n);
		return;
	}
	/* Its owner reads the port there. */
	for (unsigned i = 0; i < n; i++)
		buffer->pkt[i]->port = buffer->dpdk_port;
	unsigned passed =
		rte_ring_enqueue_burst(buffer->to_owner, (void *const *)buffer->pkt, n, NULL);
	counter_add(&worker->counters->handed_over, passed);
	if (unlikely(passed < n)) {
		counter_add(&worker->counters->drops[DROP_handover_full], n - passed);
		rte_pktmbuf_free_bulk(buffer->pkt + passed, n - passed);
	}
}

void
tx_put_all(struct worker *worker, unsigned port, struct rte_mbuf *const pkt[], unsigned n)
{
	struct tx_buffer *buffer = &worker->tx[port];

	if (unlikely(buffer->n + n > RTE_DIM(buffer->pkt)))
		flush_port(worker, (uint8_t)port);
	memcpy(buffer->pkt + buffer->n, pkt, n * sizeof(*pkt));
	buffer->n = (uint16_t)(buffer->n + n);
}

unsigned
tx_flush(struct worker *worker, unsigned fewest)
{
	unsigned sent = 0;

	for (unsigned port = 0; port < worker->gw->n_ports; port++) {
		unsigned n = worker->tx[port].n;

		if (n < fewest)
			continue;
		flush_port(worker, (uint8_t)port);
		sent += n;
	}
	return sent;
}

/* In runs of one port. */
unsigned
tx_ring_pass(struct worker *worker)
{
	struct rte_mbuf *pkt[BURST_PKTS];
	unsigned n = rte_ring_dequeue_burst(worker->tx_ring, (void **)pkt, BURST_PKTS, NULL);

	for (unsigned first = 0, next; first < n; first = next) {
		for (next = first + 1; next < n && pkt[next]->port == pkt[first]->port; next++)
			;
		transmit(worker, worker->port_index[pkt[first]->port], pkt + first, next - first);
	}
	return n;
}
