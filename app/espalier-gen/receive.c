/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker.h"

#include <rte_cycles.h>
#include <rte_esp.h>
#include <rte_ethdev.h>
#include <rte_hash_crc.h>

#include "arp.h"
#include "bytes.h"

/* ESP of one burst, on its way through the ciphers. */
struct opening {
	struct esp_packet packet[BURST_PKTS];
	struct crypto_op op[BURST_PKTS];
	unsigned n;
};

static void
note(struct worker *worker, enum fault fault)
{
	counter_add(&worker->tally.faults[fault], 1);
}

/* True: the frame is the answer's now. */
static bool
take_arp(struct worker *worker, const struct rx_queue *queue, struct rte_mbuf *frame)
{
	counter_add(&worker->tally.arp, 1);
	frame->port = queue->wire->id;
	return arp_take(queue->wire, frame) && rte_ring_enqueue(worker->answers, frame) == 0;
}

/*
 * Was this IV seen under this SA before? A table of digests that later ones push out: what repeats
 * soon, or always, is found; that two different ones have the same 64 bits is not to be expected.
 */
static bool
repeats(struct worker *worker, const struct esp_packet *packet, const struct crypto_op *op)
{
	const uint8_t *iv = op->esp + sizeof(struct rte_esp_hdr);
	uint64_t low, high = 0;

	memcpy(&low, iv, sizeof(low));
	if (op->key->iv_bytes > sizeof(low))
		memcpy(&high, iv + sizeof(low), sizeof(high));
	uint64_t digest = (low ^ (high * UINT64_C(0x9e3779b97f4a7c15))) + packet->sa->spi +
		((uint64_t)packet->sa->peer << 32);
	uint64_t *place = &worker->ivs[rte_hash_crc_8byte(digest, 0) % IV_MEMORY];

	if (*place == digest)
		return true;
	*place = digest;
	return false;
}

static void
judge_content(struct worker *worker, const struct esp_packet *packet, const struct crypto_op *op,
	const struct arrival *arrival)
{
	struct esp_content content = { 0 };
	enum fault fault = esp_open(packet, op, &content);

	if (fault != ESP_NO_FAULT)
		note(worker, fault);
	if (fault == ESP_NO_FAULT || fault == FAULT_tos_lost)
		check_packet(&worker->checker, content.packet, content.bytes, arrival);
}

/* Verifies, decrypts and judges the ESP of a burst. */
static void
open_all(struct worker *worker, struct opening *opening, uint8_t port, uint64_t now)
{
	unsigned kept = 0;

	crypto_verify(worker->crypto, opening->op, opening->n);
	for (unsigned i = 0; i < opening->n; i++) {
		enum fault fault = FAULT_bad_icv;

		if (opening->op[i].ok)
			fault = esp_place(&opening->packet[i]);
		if (fault == ESP_NO_FAULT && repeats(worker, &opening->packet[i], &opening->op[i]))
			note(worker, FAULT_repeated_iv);
		if (fault != ESP_NO_FAULT)
			note(worker, fault);
		/* What came twice is looked into as well: is it the packet twice, or the number? */
		if (!opening->op[i].ok)
			continue;
		opening->packet[kept] = opening->packet[i];
		opening->op[kept++] = opening->op[i];
	}
	crypto_decrypt(worker->crypto, opening->op, kept);
	for (unsigned i = 0; i < kept; i++) {
		const struct arrival arrival = {
			.tsc = now, .peer = opening->packet[i].sa->peer, .port = port
		};

		judge_content(worker, &opening->packet[i], &opening->op[i], &arrival);
	}
}

static void
take_packet(struct worker *worker, const struct rx_queue *queue, struct rte_mbuf *frame,
	struct opening *opening, uint64_t now)
{
	struct rte_ipv4_hdr *ip =
		rte_pktmbuf_mtod_offset(frame, struct rte_ipv4_hdr *, RTE_ETHER_HDR_LEN);
	unsigned bytes = frame->data_len - RTE_ETHER_HDR_LEN;
	const struct arrival arrival = { .tsc = now, .peer = NO_PEER, .port = queue->port };
	enum fault fault;

	if (!esp_is(worker->peers, ip, bytes)) {
		check_packet(&worker->checker, (const uint8_t *)ip, bytes, &arrival);
		return;
	}
	fault = esp_begin(
		worker->peers, ip, bytes, &opening->packet[opening->n], &opening->op[opening->n]);
	if (fault != ESP_NO_FAULT) {
		note(worker, fault);
		return;
	}
	if (worker->peers->peer[opening->packet[opening->n].sa->peer].port != queue->port)
		note(worker, FAULT_wrong_port);
	opening->n++;
}

static void
take_burst(
	struct worker *worker, const struct rx_queue *queue, struct rte_mbuf *frame[], unsigned n)
{
	uint64_t now = rte_rdtsc();
	struct opening opening;
	unsigned kept = 0;

	opening.n = 0;
	counter_add(&worker->tally.frames, n);
	__atomic_store_n(&worker->tally.last_rx, now, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < n; i++) {
		const struct rte_ether_hdr *ether =
			rte_pktmbuf_mtod(frame[i], const struct rte_ether_hdr *);
		bool ours = frame[i]->data_len >= RTE_ETHER_HDR_LEN && frame[i]->nb_segs == 1;

		if (ours && ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_ARP) &&
			take_arp(worker, queue, frame[i]))
			continue;
		if (ours && ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4))
			take_packet(worker, queue, frame[i], &opening, now);
		else if (!ours || ether->ether_type != RTE_BE16(RTE_ETHER_TYPE_ARP))
			counter_add(&worker->tally.foreign, 1);
		frame[kept++] = frame[i];
	}
	open_all(worker, &opening, queue->port, now);
	rte_pktmbuf_free_bulk(frame, kept);
}

void
receive_turn(struct worker *worker)
{
	for (unsigned i = 0; i < worker->n_queues; i++) {
		struct rte_mbuf *frame[BURST_PKTS];
		const struct rx_queue *queue = &worker->queues[i];
		unsigned n = rte_eth_rx_burst(queue->wire->id, queue->queue, frame, BURST_PKTS);

		if (n > 0)
			take_burst(worker, queue, frame, n);
	}
}
