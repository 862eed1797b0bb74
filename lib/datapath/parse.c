/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include <rte_esp.h>
#include <rte_udp.h>

#include "handover.h"
#include "headers.h"
#include "ipv4.h"

#define AHEAD 8 /* packets between the one whose header is asked for and the one that is read */

/* Cuts off what follows the packet. */
static void
trim(struct rte_mbuf *pkt, unsigned total)
{
	pkt->data_len = (uint16_t)(RTE_ETHER_HDR_LEN + total);
	pkt->pkt_len = pkt->data_len;
}

/* Checks one frame down to its IPv4 header. */
static enum drop_reason
check_frame(const struct rte_mbuf *pkt)
{
	const struct rte_ether_hdr *ethernet = rte_pktmbuf_mtod(pkt, const struct rte_ether_hdr *);

	if (unlikely(pkt->data_len < RTE_ETHER_HDR_LEN + IPV4_HEADER_BYTES))
		return pkt->data_len >= RTE_ETHER_HDR_LEN &&
				ethernet->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4)
			? DROP_bad_header
			: DROP_not_ip;
	if (unlikely(ethernet->ether_type != RTE_BE16(RTE_ETHER_TYPE_IPV4)))
		return DROP_not_ip;
	/* Buffers hold the largest frame of a port's MTU, so one in several pieces is larger than
	 * that. */
	if (unlikely(pkt->nb_segs != 1))
		return DROP_bad_header;
	/* RFC 1812 5.3.4: a link-layer broadcast is not forwarded. */
	if (unlikely(rte_is_multicast_ether_addr(&ethernet->dst_addr)))
		return DROP_martian;

	return ipv4_check(burst_ip(pkt), pkt->data_len - RTE_ETHER_HDR_LEN);
}

/* Could an SA of ours want it? ESP, bare or in UDP, and whole: pieces are put together first, see
 * reassembly.h. */
static uint32_t
candidacy(const struct rte_ipv4_hdr *ip)
{
	const struct rte_udp_hdr *udp =
		(const struct rte_udp_hdr *)((const uint8_t *)ip + ipv4_header_bytes(ip));

	if (ipv4_is_fragment(ip))
		return 0;
	if (ip->next_proto_id == IPPROTO_ESP)
		return HEADER_ESP;
	return ip->next_proto_id == IPPROTO_UDP &&
			rte_be_to_cpu_16(ip->total_length) >=
				ipv4_header_bytes(ip) + UDP_HEADER_BYTES &&
			udp->dst_port == RTE_BE16(NATT_PORT)
		? HEADER_ESP_IN_UDP
		: 0;
}

/* Finds the SPI of a candidate. None has what is too short for one: a keepalive, a stump. */
static void
read_spi(struct ip_burst *burst, unsigned i)
{
	const uint8_t *ip = (const uint8_t *)burst_ip(burst->pkt[i]);
	unsigned at = ipv4_header_bytes((const struct rte_ipv4_hdr *)ip) +
		(burst->verdict[i] & HEADER_ESP_IN_UDP ? UDP_HEADER_BYTES : 0);
	bool whole = burst->total[i] >= at + sizeof(struct rte_esp_hdr);

	burst->esp_at[i] = at;
	burst->spi[i] = whole ? rte_be_to_cpu_32(load_u32(ip + at)) : 0;
}

/* Those of the candidates in UDP, further back than judging headers looks. */
static void
read_spis_in_udp(struct ip_burst *burst)
{
	for (unsigned i = 0; i < burst->n; i++)
		if (burst->verdict[i] & HEADER_ESP_IN_UDP)
			read_spi(burst, i);
}

/* A packet that is not like nearly all. */
static enum drop_reason
look_closer(struct ip_burst *burst, unsigned i, uint32_t seed)
{
	struct rte_mbuf *pkt = burst->pkt[i];
	enum drop_reason reason = check_frame(pkt);

	if (reason != DROP_NONE)
		return reason;
	headers_fill(burst, i, burst_ip(pkt), seed);
	burst->verdict[i] |= HEADER_PADDED | candidacy(burst_ip(pkt));
	if (burst->verdict[i] & HEADER_ESP)
		read_spi(burst, i);
	return DROP_NONE;
}

/* Takes out what is no packet for us: malformed, or of a flow that another worker has. */
static void
sift(struct worker *worker)
{
	struct ip_burst *burst = &worker->ip;
	unsigned n = burst->n;

	burst->n = 0;
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *pkt = burst->pkt[i];
		uint32_t port = burst->ingress[i];
		enum drop_reason reason = DROP_NONE;

		if (unlikely(burst->verdict[i] & HEADER_ODD))
			reason = look_closer(burst, i, worker->gw->hash_seed);
		if (unlikely(reason != DROP_NONE)) {
			worker_drop(worker, pkt, port, reason);
			continue;
		}
		if (burst->verdict[i] & HEADER_PADDED)
			trim(pkt, burst->total[i]);
		if (!(burst->verdict[i] & HEADER_CANDIDATE) && worker->spread[port] &&
			!handover_keep(worker, pkt, port, burst->hash[i]))
			continue;
		ip_burst_move(burst, burst->n++, i);
	}
}

bool
parse(struct worker *worker)
{
	struct ip_burst *burst = &worker->ip;
	struct rte_mbuf *const *pkt = burst->pkt;
	const unsigned n = burst->n;
	uint32_t verdicts;

	for (unsigned i = 0; i < n; i++) {
		const struct rte_ether_hdr *ethernet =
			rte_pktmbuf_mtod(pkt[i], const struct rte_ether_hdr *);
		/* check_frame() tells what is wrong with it. */
		uint32_t odd = (ethernet->ether_type ^ RTE_BE16(RTE_ETHER_TYPE_IPV4)) |
			(uint32_t)(pkt[i]->nb_segs ^ 1) |
			(ethernet->dst_addr.addr_bytes[0] & RTE_ETHER_GROUP_ADDR);

		rte_prefetch0(rte_pktmbuf_mtod(pkt[RTE_MIN(i + AHEAD, n - 1)], void *));
		headers_gather(burst, i, ethernet + 1, pkt[i]->data_len - RTE_ETHER_HDR_LEN, odd);
	}
	verdicts = worker->judge_headers(burst, 0, n, worker->gw->hash_seed);
	if (unlikely((verdicts & (HEADER_ODD | HEADER_PADDED)) || worker->spreads))
		sift(worker);
	if (verdicts & (HEADER_ESP_IN_UDP | HEADER_ODD))
		read_spis_in_udp(burst);
	return (verdicts & (HEADER_CANDIDATE | HEADER_ODD)) != 0;
}
