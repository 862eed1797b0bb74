/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include <rte_ip_frag.h>

#include "ipv4.h"

unsigned
fragment(struct worker *worker, struct rte_mbuf *pkt, uint16_t mtu, struct rte_mbuf *pieces[])
{
	/* The library wants a packet that begins with its IPv4 header. */
	rte_pktmbuf_adj(pkt, RTE_ETHER_HDR_LEN);
	int n = rte_ipv4_fragment_copy_nonseg_packet(pkt, pieces, FRAGMENTS_MAX, mtu, worker->pool);
	rte_pktmbuf_prepend(pkt, RTE_ETHER_HDR_LEN);

	for (int i = 0; i < n; i++) {
		ipv4_set_checksum(rte_pktmbuf_mtod(pieces[i], struct rte_ipv4_hdr *));
		rte_pktmbuf_prepend(pieces[i], RTE_ETHER_HDR_LEN);
	}
	return n < 0 ? 0 : (unsigned)n;
}
