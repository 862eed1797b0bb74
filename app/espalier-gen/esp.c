/* SPDX-License-Identifier: BSD-3-Clause */
#include "esp.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_esp.h>
#include <rte_udp.h>

#include "bytes.h"

#define OUTER_TTL 64
#define NEXT_HEADER_IPV4 4
#define TRAILER_BYTES 2 /* pad length and next header */
#define NATT_PORT 4500
#define FRAGMENT_BITS (RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)

/* RFC 4303 2.4: padding counts up from one. Returns its end. */
static uint8_t *
write_trailer(struct rte_mbuf *pkt, unsigned block_bytes)
{
	unsigned pad = -(pkt->data_len + TRAILER_BYTES) & (block_bytes - 1);
	uint8_t *at = (uint8_t *)rte_pktmbuf_append(pkt, (uint16_t)(pad + TRAILER_BYTES));

	for (unsigned i = 1; i <= pad; i++)
		*at++ = (uint8_t)i;
	*at++ = (uint8_t)pad;
	*at++ = NEXT_HEADER_IPV4;
	return at;
}

/* RFC 4301 5.1.2.1: DSCP and DF come from inside. */
static void
write_outer(struct rte_ipv4_hdr *outer, const struct peer *peer, const struct sa *sa,
	const struct rte_ipv4_hdr *inner, unsigned bytes)
{
	*outer = (struct rte_ipv4_hdr) {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = inner->type_of_service,
		.total_length = rte_cpu_to_be_16((uint16_t)bytes),
		.fragment_offset = inner->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = OUTER_TTL,
		.next_proto_id = sa->udp ? IPPROTO_UDP : IPPROTO_ESP,
		.src_addr = rte_cpu_to_be_32(peer->address),
		.dst_addr = rte_cpu_to_be_32(peer->gateway),
	};
	outer->hdr_checksum = rte_ipv4_cksum(outer);
}

void
esp_wrap(struct rte_mbuf *pkt, const struct peer *peer, const struct sa *sa, uint64_t sequence,
	struct crypto_op *op)
{
	const struct crypto_key *key = sa->key;
	const struct rte_ipv4_hdr *inner = rte_pktmbuf_mtod(pkt, const struct rte_ipv4_hdr *);
	const uint8_t *end = write_trailer(pkt, key->block_bytes);
	uint8_t *esp = (uint8_t *)rte_pktmbuf_prepend(
		pkt, (uint16_t)(sizeof(struct rte_esp_hdr) + key->iv_bytes));

	store_u32(esp, rte_cpu_to_be_32(sa->spi));
	store_u32(esp + 4, rte_cpu_to_be_32((uint32_t)sequence));
	op->key = key;
	op->esp = esp;
	op->esn_high_be = rte_cpu_to_be_32((uint32_t)(sequence >> 32));
	op->bytes = (uint16_t)(end - esp);
	op->shift = 0;

	/* crypto_seal() writes it. */
	rte_pktmbuf_append(pkt, key->icv_bytes);
	if (sa->udp) {
		uint16_t bytes = (uint16_t)(pkt->data_len + sizeof(struct rte_udp_hdr));
		struct rte_udp_hdr udp = {
			.src_port = rte_cpu_to_be_16(sa->encap_sport),
			.dst_port = rte_cpu_to_be_16(sa->encap_dport),
			.dgram_len = rte_cpu_to_be_16(bytes),
		};

		memcpy(rte_pktmbuf_prepend(pkt, sizeof(udp)), &udp, sizeof(udp));
	}
	struct rte_ipv4_hdr *outer =
		(struct rte_ipv4_hdr *)rte_pktmbuf_prepend(pkt, sizeof(*outer));
	write_outer(outer, peer, sa, inner, pkt->data_len);
}

bool
esp_is(const struct peers *peers, const struct rte_ipv4_hdr *ip, unsigned bytes)
{
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(ip + 1);

	if (bytes < sizeof(*ip))
		return false;
	if (ip->next_proto_id == IPPROTO_ESP)
		return true;
	if (ip->next_proto_id != IPPROTO_UDP || bytes < sizeof(*ip) + sizeof(*udp) + 4)
		return false;

	/* Any ports will do where an SA is known; else those of RFC 3948, in which four zero bytes
	 * are IKE's mark (2.2). */
	uint32_t spi = rte_be_to_cpu_32(load_u32(udp + 1));
	return peers_find(peers, spi, rte_be_to_cpu_32(ip->dst_addr)) != NULL ||
		((udp->dst_port == RTE_BE16(NATT_PORT) || udp->src_port == RTE_BE16(NATT_PORT)) &&
			spi != 0);
}

static enum fault
check_outer(const struct rte_ipv4_hdr *ip, unsigned bytes, const struct peer *peer)
{
	unsigned total = rte_be_to_cpu_16(ip->total_length);

	if (ip->version_ihl != RTE_IPV4_VHL_DEF || total > bytes || ip->time_to_live == 0 ||
		ip->src_addr != rte_cpu_to_be_32(peer->gateway) ||
		(ip->fragment_offset & RTE_BE16(FRAGMENT_BITS)) != 0 ||
		rte_raw_cksum(ip, sizeof(*ip)) != UINT16_MAX)
		return FAULT_bad_outer;
	return ESP_NO_FAULT;
}

/* RFC 3948 2.1: the ports agreed on, and no checksum. */
static enum fault
check_encapsulation(const struct rte_ipv4_hdr *ip, const struct sa *sa)
{
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(ip + 1);

	if (sa->udp != (ip->next_proto_id == IPPROTO_UDP))
		return FAULT_wrong_encapsulation;
	if (sa->udp &&
		(udp->src_port != rte_cpu_to_be_16(sa->encap_sport) ||
			udp->dst_port != rte_cpu_to_be_16(sa->encap_dport) ||
			udp->dgram_cksum != 0 ||
			rte_be_to_cpu_16(udp->dgram_len) !=
				rte_be_to_cpu_16(ip->total_length) - sizeof(*ip)))
		return FAULT_wrong_encapsulation;
	return ESP_NO_FAULT;
}

/* RFC 4303 appendix A2.2, by what was authentic so far. */
static uint64_t
extend(struct sa *sa, uint32_t low)
{
	uint64_t sequence = low;

	if (!sa->esn)
		return sequence;
	rte_spinlock_lock(&sa->lock);
	sequence = replay_extend(sa->seen, low);
	rte_spinlock_unlock(&sa->lock);
	return sequence;
}

enum fault
esp_begin(const struct peers *peers, struct rte_ipv4_hdr *ip, unsigned bytes,
	struct esp_packet *packet, struct crypto_op *op)
{
	unsigned udp_bytes = ip->next_proto_id == IPPROTO_UDP ? sizeof(struct rte_udp_hdr) : 0;
	uint8_t *esp = (uint8_t *)(ip + 1) + udp_bytes;
	unsigned total = rte_be_to_cpu_16(ip->total_length);
	enum fault fault;

	if (bytes < sizeof(*ip) + udp_bytes + sizeof(struct rte_esp_hdr) ||
		total < sizeof(*ip) + udp_bytes + sizeof(struct rte_esp_hdr))
		return FAULT_short_esp;
	struct sa *sa =
		peers_find(peers, rte_be_to_cpu_32(load_u32(esp)), rte_be_to_cpu_32(ip->dst_addr));
	if (sa == NULL)
		return FAULT_unknown_spi;
	fault = check_outer(ip, bytes, &peers->peer[sa->peer]);
	if (fault == ESP_NO_FAULT)
		fault = check_encapsulation(ip, sa);
	if (fault != ESP_NO_FAULT)
		return fault;

	const struct crypto_key *key = sa->key;
	unsigned esp_bytes = total - (unsigned)sizeof(*ip) - udp_bytes;
	unsigned fixed = (unsigned)sizeof(struct rte_esp_hdr) + key->iv_bytes + key->icv_bytes;
	if (esp_bytes < fixed + TRAILER_BYTES || (esp_bytes - fixed) % key->block_bytes != 0)
		return FAULT_short_esp;
	packet->sa = sa;
	packet->outer = ip;
	packet->sequence = extend(sa, rte_be_to_cpu_32(load_u32(esp + 4)));
	op->key = key;
	op->esp = esp;
	op->esn_high_be = rte_cpu_to_be_32((uint32_t)(packet->sequence >> 32));
	op->bytes = (uint16_t)(esp_bytes - key->icv_bytes);
	return ESP_NO_FAULT;
}

static void
note_order(struct esp_order *order, uint64_t top, uint64_t sequence)
{
	order->packets++;
	if (sequence >= top)
		return;

	uint64_t distance = top - sequence;
	order->behind++;
	order->beyond_small += distance >= ESP_WINDOW_SMALL;
	order->beyond_large += distance >= ESP_WINDOW_LARGE;
	if (distance > order->farthest)
		order->farthest = distance;
}

enum fault
esp_place(const struct esp_packet *packet)
{
	struct sa *sa = packet->sa;
	enum drop_reason reason;

	if (packet->sequence == 0)
		return FAULT_esp_zero;
	rte_spinlock_lock(&sa->lock);
	note_order(&sa->order, sa->seen->top, packet->sequence);
	reason = replay_update(sa->seen, packet->sequence);
	rte_spinlock_unlock(&sa->lock);
	if (reason == DROP_NONE)
		return ESP_NO_FAULT;
	return reason == DROP_replay_duplicate ? FAULT_esp_duplicate : FAULT_esp_late;
}

/* RFC 4301 5.1.2.1, RFC 6040 4.1: the outer TOS byte, and DF for path MTU discovery. */
static bool
copied_outside(const struct rte_ipv4_hdr *outer, const struct rte_ipv4_hdr *inner)
{
	rte_be16_t df = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);

	return outer->type_of_service == inner->type_of_service &&
		(outer->fragment_offset & df) == (inner->fragment_offset & df);
}

enum fault
esp_open(const struct esp_packet *packet, const struct crypto_op *op, struct esp_content *content)
{
	const uint8_t *start = op->esp + sizeof(struct rte_esp_hdr) + op->key->iv_bytes;
	const uint8_t *trailer = op->esp + op->bytes - TRAILER_BYTES;
	unsigned pad = trailer[0];

	if (pad > (size_t)(trailer - start))
		return FAULT_bad_padding;
	for (unsigned i = 1; i <= pad; i++)
		if (trailer[(int)i - 1 - (int)pad] != i)
			return FAULT_bad_padding;
	if (trailer[1] != NEXT_HEADER_IPV4)
		return FAULT_bad_next_header;
	content->packet = start;
	content->bytes = (unsigned)(trailer - start) - pad;
	if (content->bytes >= sizeof(struct rte_ipv4_hdr) &&
		!copied_outside(packet->outer, (const struct rte_ipv4_hdr *)start))
		return FAULT_tos_lost;
	return ESP_NO_FAULT;
}
