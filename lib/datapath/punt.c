/* SPDX-License-Identifier: BSD-3-Clause */
#include "punt.h"

#include <rte_cycles.h>

#include "ipv4.h"
#include "nexthop.h"
#include "peers.h"
#include "punt_class.h"
#include "route.h"
#include "stages.h"

/* What the control core is to do with a packet that goes no further here. */
struct errand {
	enum punt_kind kind;
	enum punt_class class;
	uint16_t index;
	bool from_tunnel;
};

/* Frames for other stations are none of the kernel's business. */
static bool
is_for_us(const struct worker *worker, const struct rte_mbuf *pkt, uint32_t ingress)
{
	const struct rte_ether_hdr *ethernet = rte_pktmbuf_mtod(pkt, const struct rte_ether_hdr *);

	if (ingress & INGRESS_TUNNEL)
		return true;
	return pkt->nb_segs == 1 && pkt->data_len >= RTE_ETHER_HDR_LEN &&
		(rte_is_multicast_ether_addr(&ethernet->dst_addr) ||
			rte_is_same_ether_addr(
				&ethernet->dst_addr, &worker->gw->ports[ingress].mac));
}

/* An IPv4 multicast or broadcast of the link, whose header nobody has looked at. A kernel that gets
 * ESP answers that it knows no such protocol. */
static bool
is_link_multicast(const struct rte_mbuf *pkt)
{
	const struct rte_ether_hdr *ethernet = rte_pktmbuf_mtod(pkt, const struct rte_ether_hdr *);

	return rte_is_multicast_ether_addr(&ethernet->dst_addr) &&
		pkt->data_len >= RTE_ETHER_HDR_LEN + IPV4_HEADER_BYTES &&
		burst_ip(pkt)->next_proto_id != IPPROTO_ESP;
}

/* Does it tell the control core of a neighbor that it was not told of just now? Gateways, of routes
 * and tunnels, it asks for by itself. */
static bool
is_news(struct worker *worker, const struct rte_mbuf *pkt)
{
	const struct gateway *gw = worker->gw;
	uint32_t destination = rte_be_to_cpu_32(burst_ip(pkt)->dst_addr);
	uint64_t id;

	route_lookup(gw->routes, &destination, &id, 1);
	switch (nexthop_read(nexthop_slots(gw->nexthops), (uint32_t)id)->kind) {
	case NEXTHOP_ONLINK:
	case NEXTHOP_GROUP:
		return fair_share_take(&worker->notes, destination, rte_rdtsc());
	default:
		return false;
	}
}

/* False: it is to be dropped, as it was going to be. */
static bool
find_errand(struct worker *worker, unsigned i, struct errand *errand)
{
	const struct rte_mbuf *pkt = worker->victims.pkt[i];
	uint32_t ingress = worker->victims.ingress[i];

	errand->from_tunnel = (ingress & INGRESS_TUNNEL) != 0;
	errand->index = (uint16_t)ingress;
	errand->kind = errand->from_tunnel ? PUNT_TUNNEL : PUNT_PORT;
	switch (worker->victims.reason[i]) {
	case DROP_not_ip:
		if (!is_for_us(worker, pkt, ingress))
			return false;
		errand->class = punt_class_of_frame(pkt);
		return true;
	case DROP_martian:
		errand->class = PUNT_CLASS_OTHER;
		return is_for_us(worker, pkt, ingress) && is_link_multicast(pkt);
	case DROP_local_undeliverable:
		if (!is_for_us(worker, pkt, ingress))
			return false;
		errand->class = punt_class_of_packet(pkt);
		if (errand->class == PUNT_CLASS_IKE && !errand->from_tunnel &&
			!peers_know(worker->gw->peers, rte_be_to_cpu_32(burst_ip(pkt)->src_addr)))
			errand->class = PUNT_CLASS_IKE_STRANGER;
		return true;
	case DROP_no_neighbor:
		if (!is_news(worker, pkt))
			return false;
		errand->class = PUNT_CLASS_NOTE;
		errand->kind = PUNT_NEIGHBOR;
		return true;
	default:
		return false;
	}
}

/* DROP_NONE: the control core has it. */
static enum drop_reason
run_errand(struct worker *worker, struct rte_mbuf *pkt, const struct errand *errand, uint64_t now)
{
	struct token_bucket *bucket =
		&worker->punt_tokens.bucket[errand->from_tunnel][errand->class];
	struct punt *punt = worker->gw->punt;

	if (!token_bucket_take(bucket, now))
		return DROP_punt_limited;
	if (rte_ring_count(punt->ring) >= punt_class_room(errand->class) ||
		!punt_put(punt, pkt, errand->kind, errand->index))
		return DROP_punt_full;
	return DROP_NONE;
}

void
punt(struct worker *worker)
{
	struct victims *victims = &worker->victims;
	uint64_t now = rte_rdtsc();
	unsigned kept = 0;

	for (unsigned i = 0; i < victims->n; i++) {
		uint8_t reason = victims->reason[i];
		struct errand errand;

		if (find_errand(worker, i, &errand)) {
			enum drop_reason refused =
				run_errand(worker, victims->pkt[i], &errand, now);

			/* A note is of a packet that is lost all the same. */
			if (errand.kind != PUNT_NEIGHBOR)
				reason = (uint8_t)refused;
			else if (refused == DROP_NONE)
				counter_add(&worker->counters->drops[reason], 1);
			if (refused == DROP_NONE)
				continue;
		}
		victims->reason[i] = reason;
		victims_move(victims, kept++, i);
	}
	if (kept < victims->n)
		punt_wake(worker->gw->punt);
	victims->n = kept;
}
