/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker.h"

#include <netinet/in.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_udp.h>

#include "payload.h"

/* Writes the flow's next packet, from its IPv4 header on. */
static void
make_packet(const struct worker *worker, struct rte_mbuf *pkt, uint32_t number, uint64_t now)
{
	const struct flow *flow = &worker->flows->flow[number];
	struct payload payload = {
		.id = worker->checker.id,
		.flow = number,
		.sequence = ++worker->flows->sent[number],
		.stamp = payload_stamp(now),
	};
	uint16_t bytes =
		lengths_pick(&worker->options->lengths, payload_dice(number, payload.sequence));
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)rte_pktmbuf_append(pkt, bytes);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

	*ip = (struct rte_ipv4_hdr) {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(bytes),
		.packet_id = rte_cpu_to_be_16((uint16_t)payload.sequence),
		.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = INNER_TTL,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = flow->src,
		.dst_addr = flow->dst,
	};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	/* RFC 768: no checksum, which any payload has right. */
	*udp = (struct rte_udp_hdr) {
		.src_port = flow->sport,
		.dst_port = flow->dport,
		.dgram_len = rte_cpu_to_be_16((uint16_t)(bytes - sizeof(*ip))),
	};
	payload_write((uint8_t *)(udp + 1), bytes - HEADERS_BYTES, &payload);
}

static void
add_ethernet(struct rte_mbuf *pkt, const struct wire *wire)
{
	struct rte_ether_hdr *ether =
		(struct rte_ether_hdr *)rte_pktmbuf_prepend(pkt, sizeof(*ether));

	ether->dst_addr = wire->gateway_mac;
	ether->src_addr = wire->mac;
	ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
}

/* Encrypts a burst as the peers of its flows do. Each takes a number of its SA; senders may share
 * one. */
static void
seal(struct worker *worker, const struct stream *stream, struct rte_mbuf *pkt[], unsigned n)
{
	struct crypto_op ops[BURST_PKTS];

	for (unsigned i = 0; i < n; i++) {
		uint32_t number = stream->flows[(stream->next + i) % stream->n_flows];
		const struct peer *peer = &worker->peers->peer[worker->flows->flow[number].peer];
		uint64_t sequence =
			atomic_fetch_add_explicit(&peer->seal->sequence, 1, memory_order_relaxed);

		esp_wrap(pkt[i], peer, peer->seal, sequence + 1, &ops[i]);
	}
	crypto_seal(worker->crypto, ops, n);
}

static void
make_burst(struct worker *worker, struct stream *stream, unsigned n, uint64_t now)
{
	struct rte_mbuf **pkt = stream->waiting;

	if (rte_pktmbuf_alloc_bulk(worker->wires->pool, pkt, n) != 0) {
		stream->pace.handed -= n; /* all are on their way: later */
		return;
	}
	for (unsigned i = 0; i < n; i++)
		make_packet(
			worker, pkt[i], stream->flows[(stream->next + i) % stream->n_flows], now);
	if (stream->direction == DIRECTION_IN)
		seal(worker, stream, pkt, n);
	for (unsigned i = 0; i < n; i++)
		add_ethernet(pkt[i], stream->wire);
	stream->next = (stream->next + n) % stream->n_flows;
	stream->made += n;
	stream->first_waiting = 0;
	stream->n_waiting = n;
}

/* What the device does not take waits: only what was taken counts as sent. */
static void
transmit(struct worker *worker, struct stream *stream)
{
	struct way_tally *way = &worker->tally.way[stream->direction];
	struct rte_mbuf **pkt = stream->waiting + stream->first_waiting;
	uint64_t bytes = 0;
	unsigned sent;

	for (unsigned i = 0; i < stream->n_waiting; i++)
		bytes += pkt[i]->pkt_len;
	sent = rte_eth_tx_burst(stream->wire->id, stream->queue, pkt, (uint16_t)stream->n_waiting);
	for (unsigned i = sent; i < stream->n_waiting; i++)
		bytes -= pkt[i]->pkt_len;
	stream->first_waiting += sent;
	stream->n_waiting -= sent;
	if (sent == 0)
		return;
	counter_add(&way->sent.packets, sent);
	counter_add(&way->sent.bytes, bytes);
	worker->tally.last_tx = rte_rdtsc();
	if (worker->tally.first_tx == 0)
		worker->tally.first_tx = worker->tally.last_tx;
}

/* False: the stream has sent all that it should. */
static bool
advance(struct worker *worker, struct stream *stream, bool time_left)
{
	if (stream->n_waiting == 0 && time_left && stream->made < stream->limit) {
		uint64_t now = rte_rdtsc();
		uint64_t most = RTE_MIN(worker->options->burst, stream->limit - stream->made);
		unsigned n = pace_due(&stream->pace, now, (unsigned)most);

		if (n > 0)
			make_burst(worker, stream, n, now);
	}
	if (stream->n_waiting > 0)
		transmit(worker, stream);
	return stream->n_waiting > 0 || (time_left && stream->made < stream->limit);
}

static void
send_answers(struct worker *worker)
{
	void *frame;

	while (rte_ring_dequeue(worker->answers, &frame) == 0) {
		struct rte_mbuf *pkt = frame;

		if (rte_eth_tx_burst(pkt->port, 0, &pkt, 1) == 0)
			rte_pktmbuf_free(pkt);
	}
}

void
send_turn(struct worker *worker)
{
	uint64_t now = rte_rdtsc();
	bool busy = false;

	if (worker->send_until == 0)
		worker->send_until = now + worker->send_cycles;
	bool time_left = now < worker->send_until;

	for (unsigned i = 0; i < worker->n_streams; i++)
		busy |= advance(worker, worker->streams[i], time_left);
	if (worker->sends_answers)
		send_answers(worker);
	if (!busy)
		atomic_store_explicit(&worker->sent_all, true, memory_order_release);
}
