/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernel_if_packets.h"

#include <errno.h>
#include <unistd.h>

#include "handover.h"
#include "ipv4.h"
#include "punt.h"
#include "worker.h"

#define READS_PER_TURN 32 /* of one interface, before the others have their turn */

static void
drop(const struct kernel_packets *packets, struct rte_mbuf *pkt, enum drop_reason reason)
{
	packets->gw->control_drops[reason]++;
	rte_pktmbuf_free(pkt);
}

/* --- from the kernel --- */

/*
 * Reads one packet, with `skip` bytes of room in front: 1, with the packet at `pkt` unless it was
 * dropped (then NULL); 0: there is none; else -errno.
 */
static int
take(const struct kernel_packets *packets, int fd, uint16_t skip, struct rte_mbuf **pkt)
{
	struct rte_mbuf *fresh = rte_pktmbuf_alloc(packets->pool);
	uint8_t nothing[1];
	ssize_t n;

	*pkt = NULL;
	if (fresh == NULL)
		/* What does not fit is lost, and the interface is no longer readable for it. */
		n = read(fd, nothing, sizeof(nothing));
	else
		n = read(fd, rte_pktmbuf_mtod_offset(fresh, uint8_t *, skip),
			rte_pktmbuf_tailroom(fresh) - skip);
	if (n <= 0) {
		rte_pktmbuf_free(fresh);
		return n == 0 || errno == EAGAIN || errno == EINTR ? 0 : -errno;
	}
	if (fresh == NULL) {
		packets->gw->control_drops[DROP_no_mbuf]++;
		return 1;
	}
	fresh->data_len = (uint16_t)(skip + n);
	fresh->pkt_len = fresh->data_len;
	*pkt = fresh;
	return 1;
}

/* Worker 0 owns the first queue of every port. */
static void
send_frame(const struct kernel_packets *packets, const struct port *port, struct rte_mbuf *pkt)
{
	const unsigned tagged = port->mtu + RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN;

	if (pkt->pkt_len < RTE_ETHER_HDR_LEN || pkt->pkt_len > tagged) {
		drop(packets, pkt, DROP_too_big);
		return;
	}
	pkt->port = port->dpdk_id;
	if (rte_ring_enqueue(packets->workers->worker[0]->tx_ring, pkt) != 0)
		drop(packets, pkt, DROP_handover_full);
}

int
kernel_packets_from_tap(const struct kernel_packets *packets, const struct port *port, int fd)
{
	struct rte_mbuf *pkt;
	int found = 1;

	for (unsigned i = 0; i < READS_PER_TURN && found > 0; i++) {
		found = take(packets, fd, 0, &pkt);
		if (pkt != NULL)
			send_frame(packets, port, pkt);
	}
	return found < 0 ? found : 0;
}

/* To the worker that has the flow, or would have if it came by one queue. */
void
kernel_packets_into_tunnel(
	const struct kernel_packets *packets, uint16_t tunnel, struct rte_mbuf *pkt)
{
	const struct gateway *gw = packets->gw;
	const struct rte_ipv4_hdr *ip = burst_ip(pkt);
	enum drop_reason reason = DROP_not_ip; /* IPv6 is not in this version */

	if (ip->version_ihl >> 4 == 4)
		reason = ipv4_check(ip, pkt->data_len - RTE_ETHER_HDR_LEN);
	if (reason != DROP_NONE) {
		drop(packets, pkt, reason);
		return;
	}
	pkt->data_len = (uint16_t)(RTE_ETHER_HDR_LEN + rte_be_to_cpu_16(ip->total_length));
	pkt->pkt_len = pkt->data_len;
	pkt->hash.usr = tunnel;

	unsigned owner = handover_owner(gw, ipv4_flow_hash(ip, gw->hash_seed));
	if (rte_ring_enqueue(packets->workers->worker[owner]->inject, pkt) != 0)
		drop(packets, pkt, DROP_handover_full);
}

int
kernel_packets_from_tun(const struct kernel_packets *packets, uint16_t tunnel, int fd)
{
	struct rte_mbuf *pkt;
	int found = 1;

	for (unsigned i = 0; i < READS_PER_TURN && found > 0; i++) {
		found = take(packets, fd, RTE_ETHER_HDR_LEN, &pkt);
		if (pkt != NULL)
			kernel_packets_into_tunnel(packets, tunnel, pkt);
	}
	return found < 0 ? found : 0;
}

/* --- to the kernel --- */

static void
give(const struct kernel_packets *packets, int fd, const struct rte_mbuf *pkt, unsigned skip)
{
	const uint8_t *data = rte_pktmbuf_mtod(pkt, const uint8_t *);

	/* It fails while the interface is down. */
	if (write(fd, data + skip, pkt->data_len - skip) < 0)
		packets->gw->control_drops[DROP_kernel_refused]++;
}

void
kernel_packets_to_tap(const struct kernel_packets *packets, int fd, const struct rte_mbuf *pkt)
{
	give(packets, fd, pkt, 0);
}

void
kernel_packets_to_tun(const struct kernel_packets *packets, int fd, const struct rte_mbuf *pkt)
{
	give(packets, fd, pkt, RTE_ETHER_HDR_LEN);
}

uint32_t
kernel_packets_destination(const struct rte_mbuf *pkt)
{
	return rte_be_to_cpu_32(burst_ip(pkt)->dst_addr);
}
