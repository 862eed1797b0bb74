/* SPDX-License-Identifier: BSD-3-Clause */
#include "check.h"

#include <netinet/in.h>

#include <rte_udp.h>

#include "payload.h"

#define ICMP_UNREACHABLE 3
#define ICMP_TIME_EXCEEDED 11

static inline void
fault(const struct checker *checker, enum fault fault)
{
	counter_add(&checker->tally->faults[fault], 1);
}

/* Somebody else's packet: counted, and ICMP errors by themselves, since they tell of a mistake. */
static void
foreign(const struct checker *checker, const struct rte_ipv4_hdr *ip, unsigned bytes)
{
	const uint8_t *after = (const uint8_t *)(ip + 1);

	if (bytes > sizeof(*ip) && ip->next_proto_id == IPPROTO_ICMP &&
		(*after == ICMP_UNREACHABLE || *after == ICMP_TIME_EXCEEDED))
		counter_add(&checker->tally->icmp_error, 1);
	else
		counter_add(&checker->tally->foreign, 1);
}

/* Did the gateway leave alone what it must? Header faults do not hide each other. */
static bool
header_good(const struct checker *checker, const struct flow *flow, const struct rte_ipv4_hdr *ip,
	const struct payload *payload, unsigned bytes)
{
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(ip + 1);
	unsigned sent =
		lengths_pick(checker->lengths, payload_dice(payload->flow, payload->sequence));
	bool good = true;

	if (rte_be_to_cpu_16(ip->total_length) != sent || bytes < sent ||
		rte_be_to_cpu_16(udp->dgram_len) != sent - sizeof(*ip)) {
		fault(checker, FAULT_wrong_length);
		good = false;
	}
	if (ip->version_ihl != RTE_IPV4_VHL_DEF || ip->src_addr != flow->src ||
		ip->dst_addr != flow->dst || udp->src_port != flow->sport ||
		udp->dst_port != flow->dport || ip->type_of_service != 0 ||
		ip->fragment_offset != RTE_BE16(RTE_IPV4_HDR_DF_FLAG)) {
		fault(checker, FAULT_wrong_header);
		good = false;
	}
	if (rte_raw_cksum(ip, sizeof(*ip)) != UINT16_MAX) {
		fault(checker, FAULT_bad_checksum);
		good = false;
	}
	return good;
}

/* Did it take the way that the gateway's file says? */
static bool
way_good(const struct checker *checker, const struct flow *flow, const struct arrival *arrival)
{
	if (flow->direction == DIRECTION_OUT && arrival->peer == NO_PEER) {
		fault(checker, FAULT_cleartext);
		return false;
	}
	if (flow->direction == DIRECTION_IN &&
		(arrival->peer != NO_PEER || arrival->port != flow->to)) {
		fault(checker, FAULT_wrong_port);
		return false;
	}
	return true;
}

static void
check_tunnel(const struct checker *checker, const struct flow *flow, struct flow_seen *seen,
	const struct arrival *arrival)
{
	if (seen->peer == arrival->peer)
		return;
	if (seen->peer != NO_PEER)
		fault(checker, FAULT_moved);
	seen->peer = arrival->peer;
	for (unsigned i = 0; flow->route != NULL && i < flow->route->n_nexthops; i++)
		if (flow->route->nexthops[i].kind == CONFIG_VIA_TUNNEL &&
			flow->route->nexthops[i].tunnel == arrival->peer)
			return;
	if (flow->route != NULL)
		fault(checker, FAULT_wrong_tunnel);
}

/* Order and number. False: this one was here before, or so long ago that nobody knows. */
static bool
place_in_flow(const struct checker *checker, const struct flow *flow, struct flow_seen *seen,
	const struct payload *payload, const struct arrival *arrival)
{
	enum drop_reason reason;
	bool behind;

	rte_spinlock_lock(&seen->lock);
	behind = payload->sequence < seen->window.top;
	reason = replay_update(&seen->window, payload->sequence);
	if (reason == DROP_NONE && flow->direction == DIRECTION_OUT)
		check_tunnel(checker, flow, seen, arrival);
	rte_spinlock_unlock(&seen->lock);
	if (reason == DROP_NONE) {
		if (behind)
			fault(checker, FAULT_reordered);
		return true;
	}
	fault(checker, reason == DROP_replay_duplicate ? FAULT_duplicate : FAULT_late);
	return false;
}

static void
accept_packet(const struct checker *checker, const struct flow *flow, unsigned bytes,
	const struct payload *payload, const struct arrival *arrival)
{
	struct way_tally *way = &checker->tally->way[flow->direction];

	counter_add(&way->accepted.packets, 1);
	counter_add(&way->accepted.bytes, bytes);
	latency_add(&way->latency, payload_age(payload->stamp, arrival->tsc));
	if (arrival->peer != NO_PEER)
		counter_add(&checker->tally->by_peer[arrival->peer], 1);
}

void
check_packet(const struct checker *checker, const uint8_t *packet, unsigned bytes,
	const struct arrival *arrival)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)packet;
	const uint8_t *content = packet + HEADERS_BYTES;
	struct payload payload;
	enum payload_verdict verdict = PAYLOAD_FOREIGN;

	if (bytes >= HEADERS_BYTES)
		verdict = payload_read(content, bytes - HEADERS_BYTES, checker->id, &payload);
	if (verdict == PAYLOAD_CORRUPTED) {
		fault(checker, FAULT_corrupted);
		return;
	}
	if (verdict == PAYLOAD_FOREIGN || payload.flow >= checker->flows->n) {
		foreign(checker, ip, bytes);
		return;
	}

	const struct flow *flow = &checker->flows->flow[payload.flow];
	if (!way_good(checker, flow, arrival) || !header_good(checker, flow, ip, &payload, bytes))
		return;
	unsigned total = rte_be_to_cpu_16(ip->total_length);
	if (!payload_intact(content, total - HEADERS_BYTES, &payload)) {
		fault(checker, FAULT_corrupted);
		return;
	}
	if (ip->time_to_live != checker->ttl)
		fault(checker, FAULT_wrong_ttl);
	if (place_in_flow(
		    checker, flow, flows_seen(checker->flows, payload.flow), &payload, arrival))
		accept_packet(checker, flow, total, &payload, arrival);
}
