/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include <rte_esp.h>
#include <rte_udp.h>

#include "ipv4.h"
#include "run.h"

#define NEXT_HEADER_IPV4 4
#define TRAILER_BYTES 2 /* pad length and next header */

/* RFC 4303 2.4: padding counts up from one. Stored sixteen at a time: what is too much, the trailer
 * and the ICV overwrite. */
static const uint8_t padding[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

/* Pads the inner packet and writes the trailer; returns the bytes of both. */
static inline unsigned
write_trailer(uint8_t *end, unsigned inner_bytes, unsigned block_bytes)
{
	unsigned pad = -(inner_bytes + TRAILER_BYTES) & (block_bytes - 1);

	memcpy(end, padding, sizeof(padding));
	end[pad] = (uint8_t)pad;
	end[pad + 1] = NEXT_HEADER_IPV4;
	return pad + TRAILER_BYTES;
}

/*
 * The outer IPv4 header's variable fields. TOS and DF are the inner ones: the DSCP and the ECN
 * field travel along (RFC 6040 4.1, RFC 2983), and path MTU discovery works across the tunnel (RFC
 * 4301 8.1). The identification needs to be unique only where DF is clear.
 */
static inline void
patch_outer(struct rte_ipv4_hdr *outer, const struct encap *encap, const struct rte_ipv4_hdr *inner,
	uint16_t total, uint32_t sequence)
{
	rte_be16_t df = inner->fragment_offset & IPV4_DF;
	rte_be16_t total_be = rte_cpu_to_be_16(total);
	uint16_t id = (uint16_t)sequence;
	uint32_t sum = encap->ip_sum;

	sum += rte_cpu_to_be_16(inner->type_of_service);
	sum += total_be;
	sum += id;
	sum += df;
	outer->type_of_service = inner->type_of_service;
	outer->total_length = total_be;
	outer->packet_id = id;
	outer->fragment_offset = df;
	outer->hdr_checksum = (rte_be16_t)~ipv4_fold(sum);
}

/* Wraps one packet: all but IV, encryption and ICV, which the op describes. */
static inline void
wrap(struct rte_mbuf *pkt, const struct encap *encap, uint64_t sequence, struct crypto_op *op)
{
	const struct rte_ipv4_hdr *inner = burst_ip(pkt);
	uint8_t *payload = rte_pktmbuf_mtod_offset(pkt, uint8_t *, RTE_ETHER_HDR_LEN);
	unsigned inner_bytes = rte_be_to_cpu_16(inner->total_length);
	uint8_t *iv = payload - encap->iv_bytes;
	uint8_t *header = iv - ENCAP_HEADER_BYTES;

	unsigned trailer_bytes =
		write_trailer(payload + inner_bytes, inner_bytes, encap->block_bytes);
	memcpy(header, encap->header, ENCAP_HEADER_BYTES);
	store_u32(iv - ENCAP_ESP_SEQUENCE, rte_cpu_to_be_32((uint32_t)sequence));

	op->key = encap->key;
	op->esp = iv - ENCAP_ESP;
	op->esn_high_be = rte_cpu_to_be_32((uint32_t)(sequence >> 32));
	op->bytes = (uint16_t)(ENCAP_ESP + encap->iv_bytes + inner_bytes + trailer_bytes);

	unsigned frame_bytes = encap->header_bytes - ENCAP_ESP + op->bytes + encap->icv_bytes;
	uint16_t ip_bytes = (uint16_t)(frame_bytes - RTE_ETHER_HDR_LEN);
	patch_outer((struct rte_ipv4_hdr *)(header + encap->ip_offset), encap, inner, ip_bytes,
		(uint32_t)sequence);
	if (encap->udp) {
		struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(iv - ENCAP_UDP);

		udp->dgram_len = rte_cpu_to_be_16(ip_bytes - IPV4_HEADER_BYTES);
	}
	pkt->data_off = (uint16_t)(iv - encap->header_bytes - (uint8_t *)pkt->buf_addr);
	pkt->data_len = (uint16_t)frame_bytes;
	pkt->pkt_len = frame_bytes;
}

void
esp_encap(struct worker *worker)
{
	struct tunnel_burst *burst = &worker->tunnel;
	unsigned kept = 0;

	run_reserve_all(worker);
	for (unsigned i = 0; i < burst->n; i++) {
		struct rte_mbuf *pkt = burst->pkt[i];
		struct tunnel_run *run = &worker->runs[burst->tunnel[i]];

		if (unlikely(burst->ordinal[i] > run->allowed)) {
			run->bytes -= rte_be_to_cpu_16(burst_ip(pkt)->total_length);
			worker_drop(worker, pkt, burst->ingress[i], run->reason);
			continue;
		}
		wrap(pkt, run->encap, run->sequence + burst->ordinal[i], &burst->op[kept]);
		burst->pkt[kept] = pkt;
		burst->port[kept++] = run->encap->port;
	}
	burst->n = kept;
	run_settle_all(worker);
}
