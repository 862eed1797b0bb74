/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include <rte_esp.h>
#include <rte_udp.h>

#include "ipv4.h"
#include "sa.h"

/* Where a candidate's ESP header would be, and how many bytes follow from there. */
struct place {
	uint8_t *esp;
	uint16_t bytes;
	bool udp;
};

static inline struct place
locate(struct rte_mbuf *pkt)
{
	struct rte_ipv4_hdr *ip = burst_ip(pkt);
	bool udp = ip->next_proto_id == IPPROTO_UDP;
	unsigned skip = ipv4_header_bytes(ip) + (udp ? sizeof(struct rte_udp_hdr) : 0);

	return (struct place) {
		.esp = (uint8_t *)ip + skip,
		.bytes = (uint16_t)(rte_be_to_cpu_16(ip->total_length) - skip),
		.udp = udp,
	};
}

/* The SPI as a lookup wants it. Zero, which no SA has, where there is none: a keepalive, IKE's
 * marker, a stump. */
static inline uint32_t
read_spi(const struct place *place)
{
	if (unlikely(place->bytes < sizeof(struct rte_esp_hdr)))
		return 0;
	return rte_be_to_cpu_32(load_u32(place->esp));
}

static inline void
claim(struct worker *worker, struct rte_mbuf *pkt, struct sa *sa, const struct place *place)
{
	struct esp_burst *esp = &worker->esp;
	unsigned i = esp->n++;

	esp->pkt[i] = pkt;
	esp->sa[i] = sa;
	esp->op[i].esp = place->esp;
	esp->op[i].bytes = place->bytes; /* the ICV too, until esp_replay_check() knows its size */
}

/* Closes the gaps that claimed packets left. */
static void
close_gaps(struct ip_burst *burst, const uint16_t gaps[], unsigned n)
{
	unsigned to = gaps[0];

	for (unsigned from = gaps[0], gap = 0; from < burst->n; from++) {
		if (gap < n && gaps[gap] == from) {
			gap++;
			continue;
		}
		ip_burst_move(burst, to++, from);
	}
	burst->n = to;
}

void
esp_claim(struct worker *worker, const uint16_t candidates[], unsigned n)
{
	struct ip_burst *burst = &worker->ip;
	struct place place[BURST_PKTS];
	struct esp_burst *esp = &worker->esp;
	struct sa *sa[BURST_PKTS];
	uint16_t gaps[BURST_PKTS];
	unsigned n_gaps = 0;

	for (unsigned i = 0; i < n; i++) {
		place[i] = locate(burst->pkt[candidates[i]]);
		esp->spi[i] = read_spi(&place[i]);
		esp->dst[i] = burst->dst[candidates[i]];
	}
	sa_lookup(worker->gw->sas, esp->spi, esp->dst, sa, n);
	for (unsigned i = 0; i < n; i++) {
		/* RFC 3948: an SA takes the encapsulation it was negotiated for, no other. */
		if (unlikely(sa[i] == NULL || sa[i]->udp != place[i].udp))
			continue;
		claim(worker, burst->pkt[candidates[i]], sa[i], &place[i]);
		gaps[n_gaps++] = candidates[i];
	}
	if (n_gaps > 0)
		close_gaps(burst, gaps, n_gaps);
}
