/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include <rte_esp.h>
#include <rte_icmp.h>
#include <rte_udp.h>

#include "icmp.h"
#include "ipv4.h"
#include "path_mtu.h"

/* RFC 1191 7.1: what links carry, for routers that do not tell theirs. */
static const uint16_t plateaus[] = { 8166, 4352, 2002, 1492, 1006 };

static uint32_t
plateau_below(unsigned total)
{
	for (unsigned i = 0; i < RTE_DIM(plateaus); i++)
		if (plateaus[i] < total)
			return plateaus[i];
	return PATH_MTU_FLOOR;
}

/* Reads the quotation, `room` bytes that begin with an IPv4 header: false where it is no ESP or too
 * short to tell whose. */
static bool
read_quoted(const uint8_t *quoted, unsigned room, struct path_mtu_note *note)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)quoted;
	unsigned at;

	if (room < IPV4_HEADER_BYTES || ip->version_ihl >> 4 != 4)
		return false;
	at = ipv4_header_bytes(ip);
	if (at < IPV4_HEADER_BYTES || (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)))
		return false;
	if (ip->next_proto_id == IPPROTO_UDP)
		at += sizeof(struct rte_udp_hdr);
	else if (ip->next_proto_id != IPPROTO_ESP)
		return false;
	if (room < at + sizeof(struct rte_esp_hdr))
		return false;
	note->source = rte_be_to_cpu_32(ip->src_addr);
	note->destination = rte_be_to_cpu_32(ip->dst_addr);
	note->spi = rte_be_to_cpu_32(load_u32(quoted + at));
	note->sequence = rte_be_to_cpu_32(load_u32(quoted + at + sizeof(uint32_t)));
	if (note->mtu == 0)
		note->mtu = plateau_below(rte_be_to_cpu_16(ip->total_length));
	return true;
}

/* RFC 792: type 3, code 4. The header has been checked, the rest has not. */
static bool
read_error(const struct rte_ipv4_hdr *ip, struct path_mtu_note *note)
{
	unsigned header_bytes = ipv4_header_bytes(ip);
	unsigned bytes = rte_be_to_cpu_16(ip->total_length) - header_bytes;
	const struct rte_icmp_hdr *icmp =
		(const struct rte_icmp_hdr *)((const uint8_t *)ip + header_bytes);

	if (ip->next_proto_id != IPPROTO_ICMP || ipv4_is_fragment(ip) || bytes < sizeof(*icmp) ||
		icmp->icmp_type != ICMP_UNREACHABLE ||
		icmp->icmp_code != ICMP_CODE_FRAGMENTATION_NEEDED ||
		rte_raw_cksum(icmp, bytes) != UINT16_MAX)
		return false;
	note->mtu = rte_be_to_cpu_16(icmp->icmp_seq_nb); /* RFC 1191 4 */
	return read_quoted((const uint8_t *)(icmp + 1), bytes - (unsigned)sizeof(*icmp), note) &&
		note->source == rte_be_to_cpu_32(ip->dst_addr);
}

void
heed_icmp(struct worker *worker)
{
	const struct victims *victims = &worker->victims;

	for (unsigned i = 0; i < victims->n; i++) {
		struct path_mtu_note note;

		/* Routers of the path stand outside the tunnels. */
		if (victims->reason[i] != DROP_local_undeliverable ||
			(victims->ingress[i] & INGRESS_TUNNEL) || victims->pkt[i]->nb_segs != 1)
			continue;
		if (read_error(burst_ip(victims->pkt[i]), &note))
			path_mtu_note(worker->gw, note);
	}
}
