/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include <rte_esp.h>
#include <rte_udp.h>

#include "ecmp.h"
#include "ipv4.h"
#include "neighbor.h"
#include "nexthop.h"
#include "warm.h"

_Static_assert(offsetof(struct port, ethernet_type) ==
		offsetof(struct port, mac) + sizeof(struct rte_ether_addr),
	"an Ethernet header's last eight bytes");

/* The Ethernet header of what goes to one neighbor, in two words: the second one covers what the
 * first has beyond the neighbor's MAC. */
struct link_header {
	uint64_t begin, end;
};

static inline struct link_header
link_header(const struct port *port, uint64_t neighbor_mac)
{
	struct link_header header = { .begin = neighbor_mac };

	memcpy(&header.end, (const uint8_t *)port + offsetof(struct port, mac), sizeof(header.end));
	return header;
}

static inline void
write_ethernet(struct rte_mbuf *pkt, struct link_header header)
{
	uint8_t *ethernet = rte_pktmbuf_mtod(pkt, uint8_t *);

	memcpy(ethernet, &header.begin, sizeof(header.begin));
	memcpy(ethernet + sizeof(struct rte_ether_addr), &header.end, sizeof(header.end));
}

/* Sends a packet without DF as pieces. DROP_NONE: they are on their way, and the packet is freed.
 */
static enum drop_reason
send_pieces(struct worker *worker, struct rte_mbuf *pkt, const struct port *port,
	struct link_header header)
{
	struct rte_mbuf *pieces[FRAGMENTS_MAX];
	unsigned n = fragment(worker, pkt, port->mtu, pieces);

	if (n == 0)
		return DROP_no_mbuf;
	for (unsigned i = 0; i < n; i++) {
		write_ethernet(pieces[i], header);
		tx_put(worker, port->index, pieces[i]);
	}
	rte_pktmbuf_free(pkt);
	return DROP_NONE;
}

/*
 * Those in a row that go to the same gateway, from `first` on, with nothing about them that wants a
 * closer look: what the gateway, its neighbor and its port say is read once for all of them.
 * Returns the place behind the last.
 */
static unsigned
to_gateway(struct worker *worker, const struct nexthop *const nexthops[], unsigned first)
{
	const struct ip_burst *burst = &worker->ip;
	const unsigned n = burst->n;
	const struct nexthop *nexthop = nexthops[first];
	const struct port *port = &worker->gw->ports[nexthop->port];
	const unsigned mtu = port->mtu;
	const uint64_t mac = neighbor_read(nexthop->neighbor);
	const struct link_header header = link_header(port, mac);
	unsigned i = first;

	if (unlikely(mac == 0))
		return first;
	do {
		if (unlikely(burst->total[i] > mtu || burst->verdict[i] & HEADER_LAST_HOP))
			break;
		ipv4_set_ttl_word(burst_ip(burst->pkt[i]), burst->onward[i]);
		write_ethernet(burst->pkt[i], header);
	} while (++i < n && nexthops[i] == nexthop);
	tx_put_all(worker, nexthop->port, burst->pkt + first, i - first);
	return i;
}

/* One packet out through a port, to a gateway or to the destination itself. */
static enum drop_reason
to_port(struct worker *worker, unsigned i, const struct nexthop *nexthop)
{
	const struct ip_burst *burst = &worker->ip;
	struct rte_mbuf *pkt = burst->pkt[i];
	const struct port *port = &worker->gw->ports[nexthop->port];
	const struct neighbor *neighbor = nexthop->kind == NEXTHOP_ONLINK
		? neighbor_lookup(worker->gw->neighbors, nexthop->port, burst->dst[i])
		: nexthop->neighbor;
	uint64_t mac = neighbor == NULL ? 0 : neighbor_read(neighbor);
	struct rte_ipv4_hdr *ip = burst_ip(pkt);

	if (unlikely(mac == 0))
		return DROP_no_neighbor;
	if (likely(burst->total[i] <= port->mtu)) {
		ipv4_set_ttl_word(ip, burst->onward[i]);
		write_ethernet(pkt, link_header(port, mac));
		tx_put(worker, nexthop->port, pkt);
		return DROP_NONE;
	}
	if (ip->fragment_offset & IPV4_DF)
		return DROP_too_big;
	ipv4_set_ttl_word(ip, burst->onward[i]);
	return send_pieces(worker, pkt, port, link_header(port, mac));
}

/* Why a packet to one of our own addresses stops here. */
static enum drop_reason
local_reason(const struct rte_ipv4_hdr *ip)
{
	unsigned header_bytes = ipv4_header_bytes(ip);
	unsigned total = rte_be_to_cpu_16(ip->total_length);

	if (ip->next_proto_id == IPPROTO_ESP)
		return ipv4_is_fragment(ip)                                 ? DROP_esp_fragment
			: total < header_bytes + sizeof(struct rte_esp_hdr) ? DROP_short_esp
									    : DROP_unknown_spi;
	if (ip->next_proto_id != IPPROTO_UDP || ipv4_is_fragment(ip) ||
		total < header_bytes + sizeof(struct rte_udp_hdr))
		return DROP_local_undeliverable;

	const struct rte_udp_hdr *udp =
		(const struct rte_udp_hdr *)((const uint8_t *)ip + header_bytes);
	const uint8_t *payload = (const uint8_t *)(udp + 1);
	unsigned payload_bytes = total - header_bytes - sizeof(*udp);

	if (udp->dst_port != RTE_BE16(NATT_PORT))
		return DROP_local_undeliverable;
	/* RFC 3948 2.3: a keepalive is one byte 0xff; 2.2: ESP has no zero SPI, which is how IKE is
	 * told from it. */
	if (payload_bytes == 1 && payload[0] == 0xff)
		return DROP_natt_keepalive;
	if (payload_bytes >= 4 && load_u32(payload) != 0)
		return payload_bytes < sizeof(struct rte_esp_hdr) ? DROP_short_esp
								  : DROP_unknown_spi;
	return DROP_local_undeliverable;
}

/* Into the burst for tunnels; sequence numbers and headers follow there. */
static inline void
to_tunnel(struct worker *worker, unsigned i, uint16_t tunnel)
{
	struct ip_burst *from = &worker->ip;
	struct tunnel_burst *to = &worker->tunnel;
	unsigned place = to->n++;

	to->pkt[place] = from->pkt[i];
	to->ingress[place] = from->ingress[i];
	to->onward[place] = from->onward[i];
	to->total[place] = (uint16_t)from->total[i];
	to->tunnel[place] = tunnel;
}

/* What is neither for a tunnel nor for a gateway, or not as it is. */
static enum drop_reason
send_otherwise(struct worker *worker, unsigned i, const struct nexthop *nexthop)
{
	struct ip_burst *burst = &worker->ip;

	if (nexthop->kind == NEXTHOP_LOCAL)
		return local_reason(burst_ip(burst->pkt[i]));
	if (nexthop->kind == NEXTHOP_DROP)
		return nexthop->reason;
	if (burst->verdict[i] & HEADER_LAST_HOP)
		return DROP_ttl_expired;
	return to_port(worker, i, nexthop);
}

static void
refuse(struct worker *worker, unsigned i, const struct nexthop *nexthop, enum drop_reason reason)
{
	struct ip_burst *burst = &worker->ip;

	if (reason == DROP_too_big)
		worker_refuse(worker, burst->pkt[i], burst->ingress[i],
			worker->gw->ports[nexthop->port].mtu);
	else
		worker_drop(worker, burst->pkt[i], burst->ingress[i], reason);
}

/* Sends on packet `i`, or it and those behind it that go the same way. Returns the place behind. */
static inline unsigned
send_on(struct worker *worker, const struct nexthop *const nexthops[], unsigned i)
{
	const struct nexthop *nexthop = nexthops[i];

	if (nexthop->kind == NEXTHOP_TUNNEL && likely(!(worker->ip.verdict[i] & HEADER_LAST_HOP))) {
		to_tunnel(worker, i, nexthop->tunnel);
		return i + 1;
	}
	if (nexthop->kind == NEXTHOP_GATEWAY) {
		unsigned next = to_gateway(worker, nexthops, i);

		if (likely(next > i))
			return next;
	}
	enum drop_reason reason = send_otherwise(worker, i, nexthop);

	if (reason != DROP_NONE)
		refuse(worker, i, nexthop, reason);
	return i + 1;
}

/* A loop of its own, because where there are many next hops each step of it waits for memory: the
 * shorter the loop, the more packets wait side by side. */
static void
resolve(const struct nexthop_slots *slots, const struct ip_burst *burst,
	const struct nexthop *nexthops[])
{
	for (unsigned i = 0; i < burst->n; i++) {
		const struct nexthop *nexthop = nexthop_read(slots, (uint32_t)burst->nexthop[i]);

		if (nexthop->kind == NEXTHOP_GROUP)
			nexthop = nexthop_leaf(nexthop, ecmp_bucket(burst->hash[i]));
		nexthops[i] = nexthop;
	}
}

void
forward(struct worker *worker)
{
	struct ip_burst *burst = &worker->ip;
	const struct nexthop *nexthops[BURST_PKTS];

	if (warm_pays(worker))
		warm_nexthops(worker);
	resolve(nexthop_slots(worker->gw->nexthops), burst, nexthops);
	for (unsigned i = 0; i < burst->n;)
		i = send_on(worker, nexthops, i);
	burst->n = 0;
}
