/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include <rte_esp.h>

#include "headers.h"
#include "ipv4.h"
#include "sa.h"
#include "warm.h"

/* Where a candidate's ESP header would be, and how many bytes follow from there. */
struct place {
	uint8_t *esp;
	uint16_t bytes;
	bool udp;
};

static inline struct place
locate(const struct ip_burst *burst, unsigned i)
{
	bool udp = burst->verdict[i] & HEADER_ESP_IN_UDP;
	unsigned skip = header_bytes(burst, i) + (udp ? UDP_HEADER_BYTES : 0);

	return (struct place) {
		.esp = (uint8_t *)burst_ip(burst->pkt[i]) + skip,
		.bytes = (uint16_t)(burst->total[i] - skip),
		.udp = udp,
	};
}

/* The SPI as a lookup wants it. Zero, which no SA has, where there is none: a keepalive, IKE's
 * marker, a stump. */
static inline uint32_t
read_spi(const struct ip_burst *burst, unsigned i, const struct place *place)
{
	if (unlikely(place->bytes < sizeof(struct rte_esp_hdr)))
		return 0;
	return rte_be_to_cpu_32(place->udp ? load_u32(place->esp) : burst->behind[i]);
}

static inline void
claim(struct worker *worker, unsigned i, struct sa *sa, const struct place *place)
{
	const struct ip_burst *from = &worker->ip;
	struct esp_burst *to = &worker->esp;
	unsigned at = to->n++;

	to->pkt[at] = from->pkt[i];
	to->port[at] = (uint8_t)from->ingress[i];
	to->tos[at] = header_tos(from, i);
	to->sa[at] = sa;
	to->op[at].esp = place->esp;
	to->op[at].bytes = place->bytes; /* the ICV too, until esp_replay_check() knows its size */
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
		place[i] = locate(burst, candidates[i]);
		esp->spi[i] = read_spi(burst, candidates[i], &place[i]);
		esp->dst[i] = burst->dst[candidates[i]];
	}
	sa_lookup(worker->gw->sas, esp->spi, esp->dst, sa, n);
	if (warm_pays(worker))
		warm_sas(worker, sa, n);
	for (unsigned i = 0; i < n; i++) {
		/* RFC 3948: an SA takes the encapsulation it was negotiated for, no other. */
		if (unlikely(sa[i] == NULL || sa[i]->udp != place[i].udp))
			continue;
		claim(worker, candidates[i], sa[i], &place[i]);
		gaps[n_gaps++] = candidates[i];
	}
	if (n_gaps == burst->n)
		burst->n = 0;
	else if (n_gaps > 0)
		close_gaps(burst, gaps, n_gaps);
}
