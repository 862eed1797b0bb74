/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include <rte_cycles.h>
#include <rte_icmp.h>

#include "icmp.h"
#include "ipv4.h"
#include "token_bucket.h"

/* RFC 1812 4.3.2: what an error quotes, when it may be sent, where it says it comes from. */

/* The error that a reason deserves; type 0: none, the packet is dropped in silence. So is
 * no_neighbor: the kernel is asking, and the next packet may find an answer. */
static const struct {
	uint8_t type, code;
} errors[DROP_REASON_COUNT] = {
	[DROP_ttl_expired] = { ICMP_TIME_EXCEEDED, 0 },
	[DROP_too_big] = { ICMP_UNREACHABLE, ICMP_CODE_FRAGMENTATION_NEEDED },
	[DROP_no_route] = { ICMP_UNREACHABLE, ICMP_CODE_NET_UNREACHABLE },
	[DROP_unreachable] = { ICMP_UNREACHABLE, ICMP_CODE_HOST_UNREACHABLE },
	[DROP_prohibited] = { ICMP_UNREACHABLE, ICMP_CODE_PROHIBITED },
};

#define QUOTED_BYTES (576 - IPV4_HEADER_BYTES - sizeof(struct rte_icmp_hdr))
#define ERROR_TTL 65                  /* forwarding takes one: it leaves with 64 */
#define TOS_INTERNETWORK_CONTROL 0xc0 /* RFC 1812 4.3.2.5 */

/* RFC 1812 4.3.2.7: no error about an error, about a fragment but the first, or to a sender that is
 * not one host. */
static bool
deserves_error(const struct rte_ipv4_hdr *ip)
{
	unsigned header_bytes = ipv4_header_bytes(ip);

	if (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK))
		return false;
	if (ip->next_proto_id != IPPROTO_ICMP)
		return true;
	if (rte_be_to_cpu_16(ip->total_length) < header_bytes + sizeof(struct rte_icmp_hdr))
		return false;
	switch (((const uint8_t *)ip)[header_bytes]) {
	case 0:  /* echo reply, */
	case 8:  /* echo, */
	case 13: /* timestamp, */
	case 14: /* timestamp reply: questions and answers, not errors */
		return true;
	default:
		return false;
	}
}

/* The address of the interface that the packet came in by, so that a traceroute shows the way; 0
 * where it has none. RFC 1812 4.3.2.4 speaks of the one that the error leaves by, mostly the same.
 */
static uint32_t
source_address(const struct gateway *gw, uint32_t ingress)
{
	if (ingress & INGRESS_TUNNEL) {
		const struct tunnel *tunnel = &gw->tunnels[ingress & ~INGRESS_TUNNEL];

		return tunnel->n_addresses > 0 ? tunnel->addresses[0].address : tunnel->local;
	}
	return gw->ports[ingress].n_addresses > 0 ? gw->ports[ingress].addresses[0].address : 0;
}

/* Writes the error about `ip` into an empty buffer, with room for Ethernet in front. */
static void
write_error(struct rte_mbuf *error, const struct rte_ipv4_hdr *ip, uint32_t source, uint8_t reason,
	uint16_t mtu)
{
	unsigned quoted = RTE_MIN(rte_be_to_cpu_16(ip->total_length), QUOTED_BYTES);
	unsigned total = (unsigned)(IPV4_HEADER_BYTES + sizeof(struct rte_icmp_hdr)) + quoted;
	struct rte_ipv4_hdr *outer;
	struct rte_icmp_hdr *icmp;

	rte_pktmbuf_append(error, (uint16_t)(RTE_ETHER_HDR_LEN + total));
	outer = burst_ip(error);
	*outer = (struct rte_ipv4_hdr) {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = TOS_INTERNETWORK_CONTROL,
		.total_length = rte_cpu_to_be_16((uint16_t)total),
		.time_to_live = ERROR_TTL,
		.next_proto_id = IPPROTO_ICMP,
		.src_addr = rte_cpu_to_be_32(source),
		.dst_addr = ip->src_addr,
	};
	ipv4_set_checksum(outer);
	icmp = (struct rte_icmp_hdr *)(outer + 1);
	*icmp = (struct rte_icmp_hdr) {
		.icmp_type = errors[reason].type,
		.icmp_code = errors[reason].code,
		.icmp_seq_nb = rte_cpu_to_be_16(mtu), /* RFC 1191 4: the next hop's MTU */
	};
	memcpy(icmp + 1, ip, quoted);
	icmp->icmp_cksum = (rte_be16_t)~rte_raw_cksum(icmp, sizeof(*icmp) + quoted);
}

/* Queues an error about one victim for the lookup, if the rate limit has one left. */
static void
send_error(struct worker *worker, const struct rte_ipv4_hdr *ip, uint32_t ingress, uint8_t reason,
	uint16_t mtu)
{
	struct ip_burst *burst = &worker->ip;
	struct icmp_allowance *allowance =
		reason == DROP_too_big ? &worker->too_big_errors : &worker->other_errors;
	uint32_t source = source_address(worker->gw, ingress);
	uint64_t now = rte_rdtsc();
	struct rte_mbuf *error;

	if (source == 0)
		return;
	if (!fair_share_take(&allowance->each, ip->src_addr, now) ||
		!token_bucket_take(&allowance->all, now)) {
		counter_add(&worker->counters->drops[DROP_icmp_limited], 1);
		return;
	}
	error = rte_pktmbuf_alloc(worker->pool);
	if (error == NULL) {
		counter_add(&worker->counters->drops[DROP_no_mbuf], 1);
		return;
	}
	write_error(error, ip, source, reason, mtu);
	headers_fill(burst, burst->n, burst_ip(error), worker->gw->hash_seed);
	burst->pkt[burst->n] = error;
	burst->ingress[burst->n++] = ingress;
}

void
icmp_errors(struct worker *worker)
{
	const struct victims *victims = &worker->victims;

	for (unsigned i = 0; i < victims->n && worker->ip.n < BURST_PKTS; i++) {
		if (errors[victims->reason[i]].type == 0)
			continue;
		const struct rte_ipv4_hdr *ip = burst_ip(victims->pkt[i]);
		if (deserves_error(ip))
			send_error(worker, ip, victims->ingress[i], victims->reason[i],
				victims->mtu[i]);
	}
}
