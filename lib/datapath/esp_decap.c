/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include <rte_esp.h>

#include "admission.h"
#include "ipv4.h"
#include "sa.h"

#define NEXT_HEADER_IPV4 4
#define NEXT_HEADER_NONE 59 /* RFC 4303 2.6: a dummy packet, to be discarded without a word */

#define ECN_MASK 3
#define ECN_NOT_ECT 0
#define ECN_ECT_1 1
#define ECN_ECT_0 2
#define ECN_CE 3

/* What is left of an ESP packet once it is decrypted. */
struct payload {
	uint8_t *start;
	unsigned bytes; /* without padding and trailer */
	uint8_t next_header;
};

/* RFC 4303 2.4: padding that does not count up from one tells of a wrong key or a broken peer. */
static inline enum drop_reason
strip_trailer(const struct crypto_op *op, struct payload *payload)
{
	uint8_t *end = op->esp + op->bytes;
	uint8_t *start = op->esp + sizeof(struct rte_esp_hdr) + op->key->iv_bytes;
	unsigned pad = end[-2];

	if (unlikely(start + pad + 2 > end))
		return DROP_bad_padding;
	for (unsigned i = 1; i <= pad; i++)
		if (unlikely(end[-2 - (int)pad + (int)i - 1] != i))
			return DROP_bad_padding;
	payload->start = start;
	payload->bytes = (unsigned)(end - start) - pad - 2;
	payload->next_header = end[-1];
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

	if (likely(merged == ecn))
		return DROP_NONE;
	if (merged == ECN_DROP)
		return DROP_bad_ecn;
	inner->type_of_service = (uint8_t)((inner->type_of_service & ~ECN_MASK) | merged);
	ipv4_set_checksum(inner);
	return DROP_NONE;
}

/* RFC 4303 3.4.4 and RFC 4301 5.2, for what was authentic: is it an IPv4 packet that the tunnel may
 * carry? */
static inline enum drop_reason
judge(struct sa *sa, const struct selector_set *selectors, const struct crypto_op *op,
	uint8_t outer_tos, struct payload *payload)
{
	enum drop_reason reason;

	/* Here and not before crypto, because within a burst each packet counts. */
	if (unlikely(sa->packets_in >= sa->limit_packets || sa->bytes_in >= sa->limit_bytes))
		return DROP_sa_expired;
	reason = strip_trailer(op, payload);
	if (unlikely(reason != DROP_NONE))
		return reason;
	if (unlikely(payload->next_header != NEXT_HEADER_IPV4))
		return payload->next_header == NEXT_HEADER_NONE ? DROP_dummy : DROP_bad_next_header;
	struct rte_ipv4_hdr *inner = (struct rte_ipv4_hdr *)payload->start;
	reason = ipv4_check(inner, payload->bytes);
	if (unlikely(reason != DROP_NONE))
		return DROP_bad_inner;
	if (unlikely(!admit_inbound(selectors, inner)))
		return DROP_policy;
	return merge_ecn(outer_tos, inner);
}

/* Appends the inner packet to worker->ip. What the SA's peer added for traffic flow confidentiality
 * (RFC 4303 2.7) is cut off. */
static inline void
deliver(struct worker *worker, struct rte_mbuf *pkt, const struct sa *sa, uint8_t *start)
{
	struct ip_burst *burst = &worker->ip;
	const struct rte_ipv4_hdr *inner = (const struct rte_ipv4_hdr *)start;
	unsigned place = burst->n++;

	/* The outer headers were longer than 14 bytes, so there is room for the next Ethernet
	 * header. */
	pkt->data_off = (uint16_t)(start - RTE_ETHER_HDR_LEN - (uint8_t *)pkt->buf_addr);
	pkt->data_len = (uint16_t)(RTE_ETHER_HDR_LEN + rte_be_to_cpu_16(inner->total_length));
	pkt->pkt_len = pkt->data_len;
	headers_fill(burst, place, inner, worker->gw->hash_seed);
	burst->pkt[place] = pkt;
	burst->ingress[place] = INGRESS_TUNNEL | sa->tunnel;
}

static inline void
bill(struct worker *worker, struct sa *sa, const struct rte_ipv4_hdr *inner)
{
	struct tunnel_counters *tunnel = &worker->counters->tunnels[sa->tunnel];
	uint64_t bytes = rte_be_to_cpu_16(inner->total_length);

	counter_add(&sa->packets_in, 1);
	counter_add(&sa->bytes_in, bytes);
	counter_add(&tunnel->rx.packets, 1);
	counter_add(&tunnel->rx.bytes, bytes);
}

void
esp_decap(struct worker *worker)
{
	struct esp_burst *burst = &worker->esp;

	for (unsigned i = 0; i < burst->n; i++) {
		struct rte_mbuf *pkt = burst->pkt[i];
		struct sa *sa = burst->sa[i];
		struct payload payload;
		enum drop_reason reason =
			judge(sa, gateway_inbound_selectors(worker->gw, sa->tunnel), &burst->op[i],
				burst_ip(pkt)->type_of_service, &payload);

		if (unlikely(reason != DROP_NONE)) {
			worker_drop(worker, pkt, INGRESS_TUNNEL | sa->tunnel, reason);
			continue;
		}
		bill(worker, sa, (const struct rte_ipv4_hdr *)payload.start);
		deliver(worker, pkt, sa, payload.start);
	}
	burst->n = 0;
}
