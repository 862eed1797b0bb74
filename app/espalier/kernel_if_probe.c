/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernel_if_probe.h"

#include <string.h>

#include <rte_icmp.h>
#include <rte_ip.h>

#include "burst.h"
#include "clock.h"
#include "tunnel.h"

#define ROUND_NS (250 * MILLISECOND_NS) /* each dead tunnel once in so long */
#define PROBES_PER_TICK 64
#define IDENTIFIER 0x4553 /* no socket of the kernel has asked: it drops the answer in silence */
#define TTL 255

struct probe {
	struct rte_ipv4_hdr ip;
	struct rte_icmp_hdr icmp;
} __rte_packed;

/* Our inside address and the peer's, where the network has no third: /30 and /31 (RFC 3021). */
static const struct prefix *
find_ends(const struct tunnel *tunnel, uint32_t *peer)
{
	for (unsigned i = 0; i < tunnel->n_addresses; i++) {
		const struct prefix *own = &tunnel->addresses[i];

		if (own->bits == 30)
			*peer = own->address ^ 3;
		else if (own->bits == 31)
			*peer = own->address ^ 1;
		else
			continue;
		return own;
	}
	return NULL;
}

static struct probe
make_probe(uint32_t from, uint32_t to, uint16_t sequence)
{
	struct probe probe = {
		.ip = {
			.version_ihl = RTE_IPV4_VHL_DEF,
			.total_length = rte_cpu_to_be_16(sizeof(probe)),
			.time_to_live = TTL,
			.next_proto_id = IPPROTO_ICMP,
			.src_addr = rte_cpu_to_be_32(from),
			.dst_addr = rte_cpu_to_be_32(to),
		},
		.icmp = {
			.icmp_type = RTE_IP_ICMP_ECHO_REQUEST,
			.icmp_ident = rte_cpu_to_be_16(IDENTIFIER),
			.icmp_seq_nb = rte_cpu_to_be_16(sequence),
		},
	};

	probe.ip.hdr_checksum = rte_ipv4_cksum(&probe.ip);
	probe.icmp.icmp_cksum = (rte_be16_t)~rte_raw_cksum(&probe.icmp, sizeof(probe.icmp));
	return probe;
}

/* Returns whether one was sent. */
static unsigned
ask(struct kernel_probes *probes, const struct kernel_packets *packets, const struct tunnel *tunnel)
{
	const struct prefix *own;
	struct rte_mbuf *pkt;
	struct probe probe;
	uint32_t peer;

	if (!tunnel->dead || tunnel->held_down || tunnel->out == NULL)
		return 0;
	own = find_ends(tunnel, &peer);
	if (own == NULL)
		return 0;
	pkt = rte_pktmbuf_alloc(packets->pool);
	if (pkt == NULL)
		return 0;
	probe = make_probe(own->address, peer, probes->sequence++);
	pkt->data_len = RTE_ETHER_HDR_LEN + sizeof(probe);
	pkt->pkt_len = pkt->data_len;
	memcpy(rte_pktmbuf_mtod_offset(pkt, uint8_t *, RTE_ETHER_HDR_LEN), &probe, sizeof(probe));
	kernel_packets_into_tunnel(packets, tunnel->index, pkt);
	return 1;
}

void
kernel_probes_tick(
	struct kernel_probes *probes, const struct kernel_packets *packets, uint64_t now_ns)
{
	const struct gateway *gw = packets->gw;
	unsigned sent = 0;

	if (probes->next == gw->n_tunnels) {
		if (now_ns - probes->began_ns < ROUND_NS)
			return;
		probes->began_ns = now_ns;
		probes->next = 0;
	}
	for (; probes->next < gw->n_tunnels && sent < PROBES_PER_TICK; probes->next++)
		sent += ask(probes, packets, &gw->tunnels[probes->next]);
}
