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

#define ECN_MASK 3
#define ECN_NOT_ECT 0
#define ECN_ECT_1 1
#define ECN_ECT_0 2
#define ECN_CE 3

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

		return equal >> (PADDING_AT_ONCE - pad) == (1u << pad) - 1;
	}
	for (unsigned i = 0; i < pad; i++)
		if (end[(int)i - (int)pad] != i + 1)
			return false;
	return true;
}

/* Finds the payload of a decrypted packet; `bytes` is without padding and trailer. */
static inline enum drop_reason
strip_trailer(const struct crypto_op *op, unsigned *bytes)
{
	const uint8_t *end = op->esp + op->bytes - ESP_TRAILER_BYTES;
	unsigned room =
		op->bytes - sizeof(struct rte_esp_hdr) - op->key->iv_bytes - ESP_TRAILER_BYTES;
	unsigned pad = end[0];
	uint8_t next_header = end[1];

	if (unlikely(pad > room || !padding_counts_up(end, pad)))
		return DROP_bad_padding;
	*bytes = room - pad;
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

/* What unwrapping knows of a packet and judging needs; by place in worker->ip. */
struct unwrapped {
	struct sa *sa;
	uint8_t *inner; /* its IPv4 header */
	uint8_t outer_tos;
};

/* Gives each packet of worker->esp the next place of worker->ip, its inner header in the columns,
 * unless its trailer is wrong. */
static void
unwrap(struct worker *worker, struct unwrapped unwrapped[])
{
	struct esp_burst *from = &worker->esp;
	struct ip_burst *to = &worker->ip;

	for (unsigned i = 0; i < from->n; i++) {
		const struct crypto_op *op = &from->op[i];
		uint8_t *inner = op->esp + sizeof(struct rte_esp_hdr) + op->key->iv_bytes;
		uint32_t ingress = INGRESS_TUNNEL | from->sa[i]->tunnel;
		unsigned bytes = 0;
		enum drop_reason reason = strip_trailer(op, &bytes);

		if (unlikely(reason != DROP_NONE)) {
			worker_drop(worker, from->pkt[i], ingress, reason);
			continue;
		}
		headers_gather(to, to->n, inner, (int32_t)bytes, 0);
		to->pkt[to->n] = from->pkt[i];
		to->ingress[to->n] = ingress;
		unwrapped[to->n++] = (struct unwrapped) { from->sa[i], inner, from->tos[i] };
	}
	from->n = 0;
}

/* RFC 4301 5.2, for what was authentic: is it an IPv4 packet that the tunnel may carry? */
static inline enum drop_reason
judge(struct worker *worker, unsigned i, const struct unwrapped *unwrapped)
{
	struct ip_burst *burst = &worker->ip;
	struct rte_ipv4_hdr *inner = (struct rte_ipv4_hdr *)unwrapped->inner;
	const struct sa *sa = unwrapped->sa;
	const struct selector_set *selectors = gateway_inbound_selectors(worker->gw, sa->tunnel);

	/* Here and not before crypto, because within a burst each packet counts. */
	if (unlikely(sa->packets_in >= sa->limit_packets || sa->bytes_in >= sa->limit_bytes))
		return DROP_sa_expired;
	if (unlikely(burst->verdict[i] & HEADER_ODD)) {
		if (ipv4_check(inner, (unsigned)burst->room[i]) != DROP_NONE)
			return DROP_bad_inner;
		headers_fill(burst, i, inner, worker->gw->hash_seed);
	}
	if (selectors != NULL && unlikely(!admit_inbound(selectors, inner)))
		return DROP_policy;
	/* Nobody on the way marked the outer header: the inner one is right as it is. */
	if (likely((unwrapped->outer_tos & ECN_MASK) == ECN_NOT_ECT))
		return DROP_NONE;

	enum drop_reason reason = merge_ecn(unwrapped->outer_tos, inner);
	burst->onward[i] = ipv4_one_hop_on(ipv4_ttl_word(inner));
	return reason;
}

static inline void
bill(struct worker *worker, struct sa *sa, uint64_t bytes)
{
	struct traffic *rx = &worker->counters->tunnel_rx[sa->tunnel];

	counter_add(&sa->packets_in, 1);
	counter_add(&sa->bytes_in, bytes);
	counter_add(&rx->packets, 1);
	counter_add(&rx->bytes, bytes);
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
	struct ip_burst *burst = &worker->ip;
	struct unwrapped unwrapped[BURST_PKTS];
	unsigned kept = burst->n;

	unwrap(worker, unwrapped);
	worker->judge_headers(burst, kept, burst->n, worker->gw->hash_seed);
	for (unsigned i = kept; i < burst->n; i++) {
		enum drop_reason reason = judge(worker, i, &unwrapped[i]);

		if (unlikely(reason != DROP_NONE)) {
			worker_drop(worker, burst->pkt[i], burst->ingress[i], reason);
			continue;
		}
		bill(worker, unwrapped[i].sa, burst->total[i]);
		begin_anew(burst->pkt[i], unwrapped[i].inner, burst->total[i]);
		ip_burst_move(burst, kept++, i);
	}
	burst->n = kept;
}
