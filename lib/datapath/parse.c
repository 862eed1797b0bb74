/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include <rte_udp.h>

#include "handover.h"
#include "ipv4.h"

#define NATT_PORT 4500 /* RFC 3948 */

/* Checks one frame down to its IPv4 header, and cuts Ethernet padding off its end. */
static enum drop_reason
check_frame(struct rte_mbuf *pkt)
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

	const struct rte_ipv4_hdr *ip = burst_ip(pkt);
	enum drop_reason reason = ipv4_check(ip, pkt->data_len - RTE_ETHER_HDR_LEN);
	if (unlikely(reason != DROP_NONE))
		return reason;

	uint16_t frame_bytes = RTE_ETHER_HDR_LEN + rte_be_to_cpu_16(ip->total_length);
	pkt->data_len = frame_bytes;
	pkt->pkt_len = frame_bytes;
	return DROP_NONE;
}

/* Could an SA of ours want it? ESP, bare or in UDP, and whole (RFC 4303 3.4.1: fragments are not
 * for ESP). */
static bool
is_candidate(const struct rte_ipv4_hdr *ip)
{
	if (likely(ip->next_proto_id != IPPROTO_ESP && ip->next_proto_id != IPPROTO_UDP))
		return false;
	if (ipv4_is_fragment(ip))
		return false;
	if (ip->next_proto_id == IPPROTO_ESP)
		return true;

	const struct rte_udp_hdr *udp =
		(const struct rte_udp_hdr *)((const uint8_t *)ip + ipv4_header_bytes(ip));
	return rte_be_to_cpu_16(ip->total_length) >= ipv4_header_bytes(ip) + sizeof(*udp) &&
		udp->dst_port == RTE_BE16(NATT_PORT);
}

unsigned
parse(struct worker *worker, struct rte_mbuf *pkt[], unsigned n, uint16_t candidates[])
{
	struct ip_burst *burst = &worker->ip;
	uint32_t seed = worker->gw->hash_seed;
	unsigned n_candidates = 0;
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkt[i], void *));

	for (unsigned i = 0; i < n; i++) {
		uint8_t port = worker->port_index[pkt[i]->port];
		enum drop_reason reason = check_frame(pkt[i]);

		if (unlikely(reason != DROP_NONE)) {
			worker_drop(worker, pkt[i], port, reason);
			continue;
		}

		const struct rte_ipv4_hdr *ip = burst_ip(pkt[i]);
		uint32_t hash = ipv4_flow_hash(ip, seed);
		bool candidate = is_candidate(ip);

		if (!candidate && worker->spread[port] &&
			!handover_keep(worker, pkt[i], port, hash))
			continue;
		burst->pkt[kept] = pkt[i];
		burst->src[kept] = rte_be_to_cpu_32(ip->src_addr);
		burst->dst[kept] = rte_be_to_cpu_32(ip->dst_addr);
		burst->hash[kept] = hash;
		burst->ingress[kept] = port;
		candidates[n_candidates] = (uint16_t)kept++;
		n_candidates += candidate;
	}
	burst->n = kept;
	return n_candidates;
}
