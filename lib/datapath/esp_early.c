/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include <rte_cycles.h>
#include <rte_udp.h>

#include "early.h"
#include "ipv4.h"
#include "punt.h"

/* An unknown SPI has been found in it: there is one, and it is whole. */
static bool
is_expected(const struct worker *worker, const struct rte_mbuf *pkt)
{
	const struct rte_ipv4_hdr *ip = burst_ip(pkt);
	unsigned skip = ipv4_header_bytes(ip) +
		(ip->next_proto_id == IPPROTO_UDP ? sizeof(struct rte_udp_hdr) : 0);

	return early_expects(worker->gw->early,
		rte_be_to_cpu_32(load_u32((const uint8_t *)ip + skip)),
		rte_be_to_cpu_32(ip->dst_addr));
}

/* False: too many of them. */
static bool
pass(struct worker *worker, struct rte_mbuf *pkt)
{
	struct punt *punt = worker->gw->punt;

	return token_bucket_take(&worker->punt_tokens.bucket[0][PUNT_CLASS_EARLY], rte_rdtsc()) &&
		rte_ring_count(punt->ring) < punt_class_room(PUNT_CLASS_EARLY) &&
		punt_put(punt, pkt, PUNT_EARLY, (uint16_t)worker->id);
}

void
esp_early(struct worker *worker)
{
	struct victims *victims = &worker->victims;
	unsigned kept = 0;

	for (unsigned i = 0; i < victims->n; i++) {
		struct rte_mbuf *pkt = victims->pkt[i];

		/* ESP inside a tunnel is not looked at twice. */
		if (victims->reason[i] == DROP_unknown_spi &&
			(victims->ingress[i] & INGRESS_TUNNEL) == 0 && pkt->nb_segs == 1 &&
			is_expected(worker, pkt) && pass(worker, pkt))
			continue;
		victims_move(victims, kept++, i);
	}
	if (kept < victims->n)
		punt_wake(worker->gw->punt);
	victims->n = kept;
}
