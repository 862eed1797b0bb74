/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include <rte_esp.h>
#include <rte_vect.h>

#include "admission.h"
#include "esp.h"
#include "headers.h"
#include "ipv4.h"
#include "sa.h"

#define PADDING_AT_ONCE 16

/* RFC 4303 2.4: padding that does not count up from one tells of a wrong key or a broken peer. Up
 * to sixteen bytes of it, all that CBC needs, are compared at once. */
static inline bool
padding_counts_up(const uint8_t *end, unsigned pad)
{
	/* At `pad`: sixteen bytes of which the last ones are the padding. */
	static const uint8_t counting[2 * PADDING_AT_ONCE] = {
		[PADDING_AT_ONCE] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
	};

	if (likely(pad <= PADDING_AT_ONCE)) {
		__m128i found = _mm_loadu_si128((const __m128i *)(end - PADDING_AT_ONCE));
		__m128i expected = _mm_loadu_si128((const __m128i *)(counting + pad));
		unsigned equal = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(found, expected));

		/* What is in front of the padding may be anything. */
		return (equal | 0xffffu >> pad) == 0xffff;
	}
	for (unsigned i = 0; i < pad; i++)
		if (end[(int)i - (int)pad] != i + 1)
			return false;
	return true;
}

/* Finds the end of a decrypted payload of `room` bytes, which becomes what it has without padding
 * and trailer. */
static inline enum drop_reason
strip_trailer(const uint8_t *payload, unsigned *room)
{
	unsigned bytes = *room - ESP_TRAILER_BYTES;
	const uint8_t *end = payload + bytes;
	unsigned pad = end[0];
	uint8_t next_header = end[1];

	if (unlikely(pad > bytes || !padding_counts_up(end, pad)))
		return DROP_bad_padding;
	*room = bytes - pad;
	if (unlikely(next_header != ESP_NEXT_HEADER_IPV4))
		return next_header == ESP_NEXT_HEADER_NONE ? DROP_dummy : DROP_bad_next_header;
	return DROP_NONE;
}

/* RFC 6040 4.2, figure 4: the inner ECN field (row) that leaves, by what arrived inside and outside
 * (column). */
#define ECN_DROP 0xff
static const uint8_t ecn_merged[4][4] = {
	/* outer:       Not-ECT      ECT(1)      ECT(0)      CE */
	[ECN_NOT_ECT] = { ECN_NOT_ECT, ECN_NOT_ECT, ECN_NOT_ECT, ECN_DROP },
	[ECN_ECT_1] = { ECN_ECT_1, ECN_ECT_1, ECN_ECT_1, ECN_CE },
	[ECN_ECT_0] = { ECN_ECT_0, ECN_ECT_1, ECN_ECT_0, ECN_CE },
	[ECN_CE] = { ECN_CE, ECN_CE, ECN_CE, ECN_CE },
};

/*
 * Tells the inner packet of congestion that routers on the way marked on the outer one. A packet
 * that cannot do ECN is dropped instead, as the congested router would have done.
 */
static inline enum drop_reason
merge_ecn(uint8_t outer_tos, struct rte_ipv4_hdr *inner)
{
	uint8_t ecn = inner->type_of_service & ECN_MASK;
	uint8_t merged = ecn_merged[ecn][outer_tos & ECN_MASK];

	if (merged == ecn)
		return DROP_NONE;
	if (merged == ECN_DROP)
		return DROP_bad_ecn;
	inner->type_of_service = (uint8_t)((inner->type_of_service & ~ECN_MASK) | merged);
	ipv4_set_checksum(inner);
	return DROP_NONE;
}

/* Gives each packet of worker->esp a place in the columns of worker->ip, from `first` on, in their
 * order, unless its trailer is wrong. */
static void
unwrap(struct worker *worker, unsigned first)
{
	struct esp_burst *burst = &worker->esp;
	unsigned kept = 0;

	for (unsigned i = 0; i < burst->n; i++) {
		const struct sa *sa = burst->sa[i];
		const struct crypto_op *op = &burst->op[i];
		const uint8_t *inner = op->esp + sa->payload_at;
		unsigned bytes = op->bytes - sa->payload_at;
		enum drop_reason reason = strip_trailer(inner, &bytes);

		if (unlikely(reason != DROP_NONE)) {
			worker_drop(worker, burst->pkt[i], INGRESS_TUNNEL | sa->tunnel, reason);
			continue;
		}
		headers_gather(&worker->ip, first + kept, inner, (int32_t)bytes, 0);
		esp_burst_move(burst, kept++, i);
	}
	burst->n = kept;
}

/* RFC 4301 5.2, for what was authentic: is it an IPv4 packet that the tunnel may carry? */
static inline enum drop_reason
judge(struct worker *worker, unsigned i, const struct sa *sa, struct rte_ipv4_hdr *inner,
	uint8_t outer_tos)
{
	struct ip_burst *burst = &worker->ip;
	const struct selector_set *selectors = gateway_inbound_selectors(worker->gw, sa->tunnel);

	/* Here and not before crypto, because within a burst each packet counts. */
	if (unlikely(sa->packets_in >= sa->limit_packets || sa->bytes_in >= sa->limit_bytes))
		return DROP_sa_expired;
	if (unlikely(burst->verdict[i] & HEADER_ODD)) {
		if (ipv4_check(inner, (unsigned)burst->room[i]) != DROP_NONE)
			return DROP_bad_inner;
		headers_fill(burst, i, inner, worker->gw->hash_seed);
	}
	if (selectors != NULL && unlikely(!admit_inbound(selectors, inner, sa)))
		return DROP_policy;
	/* Nobody on the way marked the outer header: the inner one is right as it is. */
	if (likely((outer_tos & ECN_MASK) == ECN_NOT_ECT))
		return DROP_NONE;

	enum drop_reason reason = merge_ecn(outer_tos, inner);
	burst->onward[i] = ipv4_one_hop_on(ipv4_ttl_word(inner));
	return reason;
}

/* The packet begins anew, 14 bytes before its inner header, where longer headers were; what the
 * peer added behind it for traffic flow confidentiality (RFC 4303 2.7) is cut off. */
static inline void
begin_anew(struct rte_mbuf *pkt, const uint8_t *inner, unsigned total)
{
	pkt->data_off = (uint16_t)(inner - RTE_ETHER_HDR_LEN - (uint8_t *)pkt->buf_addr);
	pkt->data_len = (uint16_t)(RTE_ETHER_HDR_LEN + total);
	pkt->pkt_len = pkt->data_len;
}

void
esp_decap(struct worker *worker)
{
	struct ip_burst *to = &worker->ip;
	struct esp_burst *from = &worker->esp;
	const unsigned first = to->n;
	unsigned kept = first;

	unwrap(worker, first);
	worker->judge_headers(to, first, first + from->n, worker->gw->hash_seed);
	for (unsigned i = 0; i < from->n; i++) {
		struct rte_mbuf *pkt = from->pkt[i];
		struct sa *sa = from->sa[i];
		uint32_t ingress = INGRESS_TUNNEL | sa->tunnel;
		uint8_t *inner = from->op[i].esp + sa->payload_at;
		enum drop_reason reason =
			judge(worker, first + i, sa, (struct rte_ipv4_hdr *)inner, from->tos[i]);

		if (unlikely(reason != DROP_NONE)) {
			worker_drop(worker, pkt, ingress, reason);
			continue;
		}
		counter_add(&sa->packets_in, 1);
		counter_add(&sa->bytes_in, (uint64_t)to->total[first + i]);
		begin_anew(pkt, inner, to->total[first + i]);
		ip_burst_move(to, kept, first + i);
		to->ingress[kept] = ingress;
		to->pkt[kept++] = pkt;
	}
	from->n = 0;
	to->n = kept;
}
