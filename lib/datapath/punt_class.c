/* SPDX-License-Identifier: BSD-3-Clause */
#include "punt_class.h"

#include <rte_ether.h>
#include <rte_udp.h>

#include "burst.h"
#include "ipv4.h"
#include "punt.h"

/* Ports (IANA). */
#define PORT_BGP 179
#define PORT_IKE 500
#define PORT_BFD 3784
#define PORT_BFD_ECHO 3785
#define PORT_BFD_MULTIHOP 4784

/* ICMPv6 types of neighbor discovery (RFC 4861 4). */
#define ND_FIRST 133
#define ND_LAST 137
#define IPV6_NEXT_HEADER 6
#define IPV6_HEADER_BYTES 40

/* What a worker passes on; the control core takes about 300,000 in a second. */
static const struct {
	unsigned per_second, at_once;
	unsigned room; /* of PUNT_RING_PKTS */
} limits[PUNT_CLASSES] = {
	/* Handshakes of 1000 tunnels at once are some 4000 datagrams, as fast as an IKE daemon
	 * works them off. */
	[PUNT_CLASS_IKE] = { 4000, 512, PUNT_RING_PKTS },
	[PUNT_CLASS_IKE_STRANGER] = { 4000, 512, PUNT_RING_PKTS * 3 / 4 },
	/* A million BGP routes are about 40,000 segments, and TCP adapts; BFD sends some hundred
	 * packets a second per session. */
	[PUNT_CLASS_ROUTING] = { 20000, 512, PUNT_RING_PKTS },
	/* A network of 256 hosts that wakes up. */
	[PUNT_CLASS_RESOLUTION] = { 1000, 256, PUNT_RING_PKTS * 3 / 4 },
	/* Ping, traceroute, somebody's shell: nobody's traffic depends on it. */
	[PUNT_CLASS_OTHER] = { 1000, 128, PUNT_RING_PKTS / 2 },
	/* The kernel asks each neighbor once a second, whatever we ask of it, and a worker names
	 * the same one about once a second. */
	[PUNT_CLASS_NOTE] = { 100, 32, PUNT_RING_PKTS / 4 },
	/* The first packets of some tunnels at once; the control core keeps 64 of each. */
	[PUNT_CLASS_HOLD] = { 1000, 256, PUNT_RING_PKTS / 4 },
	/* What some peers send in the milliseconds that an IKE daemon takes; their ring is
	 * early.h's. */
	[PUNT_CLASS_EARLY] = { 10000, 1024, 0 },
};

void
punt_class_init(struct punt_tokens *tokens, uint64_t tsc_hz)
{
	for (unsigned origin = 0; origin < RTE_DIM(tokens->bucket); origin++)
		for (unsigned class = 0; class < PUNT_CLASSES; class ++)
			tokens->bucket[origin][class] = (struct token_bucket) {
				.interval_tsc = tsc_hz / limits[class].per_second,
				.burst = limits[class].at_once,
			};
}

unsigned punt_class_room(enum punt_class class)
{
	return limits[class].room;
}

enum punt_class
punt_class_of_frame(const struct rte_mbuf *pkt)
{
	const struct rte_ether_hdr *ethernet = rte_pktmbuf_mtod(pkt, const struct rte_ether_hdr *);
	const uint8_t *ipv6 = (const uint8_t *)(ethernet + 1);

	if (ethernet->ether_type == RTE_BE16(RTE_ETHER_TYPE_ARP))
		return PUNT_CLASS_RESOLUTION;
	if (ethernet->ether_type != RTE_BE16(RTE_ETHER_TYPE_IPV6) ||
		pkt->data_len <= RTE_ETHER_HDR_LEN + IPV6_HEADER_BYTES ||
		ipv6[IPV6_NEXT_HEADER] != IPPROTO_ICMPV6 || ipv6[IPV6_HEADER_BYTES] < ND_FIRST ||
		ipv6[IPV6_HEADER_BYTES] > ND_LAST)
		return PUNT_CLASS_OTHER;
	return PUNT_CLASS_RESOLUTION;
}

enum punt_class
punt_class_of_packet(const struct rte_mbuf *pkt)
{
	const struct rte_ipv4_hdr *ip = burst_ip(pkt);
	unsigned header_bytes = ipv4_header_bytes(ip);

	if (ipv4_is_fragment(ip) || !flow_has_ports(ip->next_proto_id) ||
		rte_be_to_cpu_16(ip->total_length) < header_bytes + sizeof(uint32_t))
		return PUNT_CLASS_OTHER;

	uint32_t ports = rte_be_to_cpu_32(load_u32((const uint8_t *)ip + header_bytes));
	uint16_t source = (uint16_t)(ports >> 16), destination = (uint16_t)ports;
	if (ip->next_proto_id == IPPROTO_TCP)
		return source == PORT_BGP || destination == PORT_BGP ? PUNT_CLASS_ROUTING
								     : PUNT_CLASS_OTHER;
	if (ip->next_proto_id != IPPROTO_UDP)
		return PUNT_CLASS_OTHER;
	switch (destination) {
	case PORT_IKE:
	case NATT_PORT:
		return PUNT_CLASS_IKE;
	case PORT_BFD:
	case PORT_BFD_ECHO:
	case PORT_BFD_MULTIHOP:
		return PUNT_CLASS_ROUTING;
	default:
		return PUNT_CLASS_OTHER;
	}
}
