/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include <rte_esp.h>
#include <rte_udp.h>

#include "esp.h"
#include "ipv4.h"
#include "run.h"

/* RFC 4303 2.4: padding counts up from one. Stored sixteen at a time: what is too much, the trailer
 * and the ICV overwrite. */
static const uint8_t padding[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

/* Pads the inner packet and writes the trailer; returns the bytes of both. */
static inline unsigned
write_trailer(uint8_t *end, unsigned inner_bytes, unsigned block_bytes)
{
	unsigned pad = -(inner_bytes + ESP_TRAILER_BYTES) & (block_bytes - 1);
	uint16_t trailer = (uint16_t)(pad | ESP_NEXT_HEADER_IPV4 << 8);

	memcpy(end, padding, sizeof(padding));
	memcpy(end + pad, &trailer, sizeof(trailer));
	return pad + ESP_TRAILER_BYTES;
}

/*
 * The outer IPv4 header's variable fields, by the word. TOS and DF are the inner ones: the DSCP and
 * the ECN field travel along (RFC 6040 4.1, RFC 2983), and path MTU discovery works across the
 * tunnel (RFC 4301 8.1). The identification needs to be unique only where DF is clear.
 */
static inline void
patch_outer(struct rte_ipv4_hdr *outer, const struct encap *encap, const struct rte_ipv4_hdr *inner,
	unsigned total, uint32_t sequence)
{
	uint32_t df = inner->fragment_offset & IPV4_DF;
	uint32_t tos = (uint32_t)inner->type_of_service << 8;
	uint32_t total_be = __builtin_bswap16((uint16_t)total);
	uint32_t id = sequence & UINT16_MAX;
	uint32_t sum = encap->ip_sum + tos + total_be + id + df;

	store_u32(outer, RTE_IPV4_VHL_DEF | tos | total_be << 16);
	store_u32(&outer->packet_id, id | df << 16);
	outer->hdr_checksum = (rte_be16_t)~ipv4_fold(sum);
}

/* Ethernet, IPv4 and ESP fill no more than the last 48 bytes of the template: without UDP the other
 * 16 would only pull in another cache line. */
static inline void
copy_header(uint8_t *to, const struct encap *encap, unsigned ip_bytes)
{
	memcpy(to + ENCAP_HEADER_BYTES - 48, encap->header + ENCAP_HEADER_BYTES - 48, 48);
	if (unlikely(encap->udp)) {
		struct rte_udp_hdr *udp =
			(struct rte_udp_hdr *)(to + ENCAP_HEADER_BYTES - ENCAP_UDP);

		memcpy(to, encap->header, ENCAP_HEADER_BYTES - 48);
		udp->dgram_len = rte_cpu_to_be_16((uint16_t)(ip_bytes - IPV4_HEADER_BYTES));
	}
}

/* Pieces of a packet have no more room in front of them than this. */
static_assert(ENCAP_HEADER_BYTES + CRYPTO_IV_BYTES_MAX + CRYPTO_SHIFT_MAX <= RTE_PKTMBUF_HEADROOM,
	"headers have room");

/* Wraps one packet: all but IV, encryption and ICV, which the op describes. */
static inline void
wrap(struct rte_mbuf *pkt, const struct encap *encap, unsigned inner_bytes, uint64_t sequence,
	struct crypto_op *op)
{
	uint8_t *payload = rte_pktmbuf_mtod_offset(pkt, uint8_t *, RTE_ETHER_HDR_LEN);
	uint8_t *iv_in_place = payload - encap->iv_bytes;
	unsigned shift = (uintptr_t)(iv_in_place - ENCAP_ESP) & encap->esp_align_mask;
	uint8_t *iv = iv_in_place - shift;
	uint8_t *header = iv - ENCAP_HEADER_BYTES;
	unsigned payload_bytes =
		inner_bytes + write_trailer(payload + inner_bytes, inner_bytes, encap->block_bytes);
	unsigned frame_bytes = payload_bytes + encap->around_bytes;
	unsigned ip_bytes = frame_bytes - RTE_ETHER_HDR_LEN;

	copy_header(header, encap, ip_bytes);
	store_u32(iv - ENCAP_ESP_SEQUENCE, rte_cpu_to_be_32((uint32_t)sequence));
	patch_outer((struct rte_ipv4_hdr *)(header + encap->ip_offset), encap,
		(const struct rte_ipv4_hdr *)payload, ip_bytes, (uint32_t)sequence);

	op->key = encap->key;
	op->esp = iv - ENCAP_ESP;
	op->esn_high_be = rte_cpu_to_be_32((uint32_t)(sequence >> 32));
	op->bytes = (uint16_t)(ENCAP_ESP + encap->iv_bytes + payload_bytes);
	op->shift = (uint8_t)shift;

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
			run->bytes -= burst->total[i];
			worker_drop(worker, pkt, burst->ingress[i], run->reason);
			continue;
		}
		ipv4_set_ttl_word(burst_ip(pkt), burst->onward[i]);
		wrap(pkt, run->encap, burst->total[i], run->sequence + burst->ordinal[i],
			&burst->op[kept]);
		burst->pkt[kept] = pkt;
		burst->port[kept++] = run->encap->port;
	}
	burst->n = kept;
	run_settle_all(worker);
}
