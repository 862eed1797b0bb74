/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "compiler.h"
#include "crypto.h"
#include "drops.h"
#include "sizes.h"
#include "tunnel.h"

/*
 * What a worker carries from stage to stage: bursts in columns, so that a stage reads only what it
 * needs and the lookups get plain arrays. All are worker-private. In every burst the packets are
 * [0, n); a stage keeps survivors in front, in their order, and hands the others to the victims
 * with a reason. Stages never free.
 */

/* Where a packet came in, for the source address of an ICMP error: a port's index, or a tunnel's
 * with the flag. */
#define INGRESS_TUNNEL (UINT32_C(1) << 16)

/* IPv4 packets on their way to a next hop: fresh from a port, or just decapsulated. */
struct ip_burst {
	unsigned n;
	uint32_t ports; /* that frames of the burst came in by, as bits */
	CACHE_ALIGNED struct rte_mbuf *pkt[BURST_PKTS]; /* data begins 14 bytes before the IPv4
							   header, and ends with the packet */
	CACHE_ALIGNED uint32_t src[BURST_PKTS];         /* host order */
	uint32_t dst[BURST_PKTS];                       /* host order */
	uint32_t hash[BURST_PKTS];                      /* flow_hash() */
	uint32_t ingress[BURST_PKTS];
	uint32_t total[BURST_PKTS];   /* IPv4 total length */
	uint32_t onward[BURST_PKTS];  /* ipv4_ttl_word() that it leaves with */
	uint64_t nexthop[BURST_PKTS]; /* id; set by lookup */

	/* For and from the judgement of headers (headers.h), before which src and dst are in
	 * network order, as these are. */
	uint32_t word[3][BURST_PKTS]; /* of the header; only the first one stays */
	uint32_t behind[BURST_PKTS];  /* what follows the header: ports, SPI */
	int32_t room[BURST_PKTS];     /* bytes from the header to the frame's end */
	uint32_t verdict[BURST_PKTS]; /* enum header_verdict */
	uint32_t spi[BURST_PKTS];     /* host order; 0, which no SA has: it is no ESP */
	uint32_t esp_at[BURST_PKTS];  /* bytes from the header to the ESP header, if there is one */
};

/* Moves packet `from` to place `to`, when those between them did not survive. */
static inline void
ip_burst_move(struct ip_burst *burst, unsigned to, unsigned from)
{
	if (likely(to == from))
		return;
	burst->pkt[to] = burst->pkt[from];
	burst->src[to] = burst->src[from];
	burst->dst[to] = burst->dst[from];
	burst->hash[to] = burst->hash[from];
	burst->ingress[to] = burst->ingress[from];
	burst->total[to] = burst->total[from];
	burst->onward[to] = burst->onward[from];
	burst->word[0][to] = burst->word[0][from];
	burst->verdict[to] = burst->verdict[from];
	burst->spi[to] = burst->spi[from];
	burst->esp_at[to] = burst->esp_at[from];
}

/* IPv4 packets that go out through a tunnel. */
struct tunnel_burst {
	unsigned n;
	struct rte_mbuf *pkt[BURST_PKTS]; /* as above */
	uint32_t ingress[BURST_PKTS];
	uint32_t onward[BURST_PKTS];     /* ipv4_ttl_word() that it leaves with */
	uint16_t total[BURST_PKTS];      /* IPv4 total length */
	uint16_t tunnel[BURST_PKTS];     /* index; from esp_admit on the place of the run */
	uint16_t ordinal[BURST_PKTS];    /* among the burst's packets of its tunnel, from 1; set by
					    esp_admit */
	uint8_t port[BURST_PKTS];        /* to leave by; set by esp_encap */
	struct crypto_op op[BURST_PKTS]; /* likewise */
};

/* The same for what forward() has set. */
static inline void
tunnel_burst_move(struct tunnel_burst *burst, unsigned to, unsigned from)
{
	if (likely(to == from))
		return;
	burst->pkt[to] = burst->pkt[from];
	burst->ingress[to] = burst->ingress[from];
	burst->onward[to] = burst->onward[from];
	burst->total[to] = burst->total[from];
}

/* ESP packets to one of our SAs. */
struct esp_burst {
	unsigned n;
	struct rte_mbuf *pkt[BURST_PKTS]; /* data begins at the Ethernet header */
	uint8_t port[BURST_PKTS];         /* it came in by: index */
	uint8_t tos[BURST_PKTS];          /* of the outer header */
	struct sa *sa[BURST_PKTS];
	uint64_t sequence[BURST_PKTS]; /* 64 bits, the high half inferred with ESN */
	struct crypto_op op[BURST_PKTS];
};

/* Moves packet `from` of the burst to place `to`, when those between them did not survive. */
static inline void
esp_burst_move(struct esp_burst *burst, unsigned to, unsigned from)
{
	if (likely(to == from))
		return;
	burst->port[to] = burst->port[from];
	burst->tos[to] = burst->tos[from];
	burst->pkt[to] = burst->pkt[from];
	burst->sa[to] = burst->sa[from];
	burst->sequence[to] = burst->sequence[from];
	burst->op[to] = burst->op[from];
}

/* Packets that go no further. When there is no room for more, they are freed at once, without ICMP
 * errors. */
struct victims {
	unsigned n;
	struct rte_mbuf *pkt[2 * BURST_PKTS];
	uint32_t ingress[2 * BURST_PKTS];
	uint16_t mtu[2 * BURST_PKTS];   /* with DROP_too_big: what would have fitted; else 0 */
	uint8_t reason[2 * BURST_PKTS]; /* enum drop_reason */
};

/* Moves victim `from` to place `to`, when those between them are none any more. */
static inline void
victims_move(struct victims *victims, unsigned to, unsigned from)
{
	victims->pkt[to] = victims->pkt[from];
	victims->ingress[to] = victims->ingress[from];
	victims->mtu[to] = victims->mtu[from];
	victims->reason[to] = victims->reason[from];
}

/* The IPv4 header of a packet of an ip_burst or tunnel_burst. */
static inline struct rte_ipv4_hdr *
burst_ip(const struct rte_mbuf *pkt)
{
	return rte_pktmbuf_mtod_offset(pkt, struct rte_ipv4_hdr *, RTE_ETHER_HDR_LEN);
}
