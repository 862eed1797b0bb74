/* SPDX-License-Identifier: BSD-3-Clause */
#include "encap.h"

#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_esp.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "asan.h"
#include "esp.h"
#include "gateway.h"
#include "nexthop.h"
#include "route.h"
#include "slab.h"

#define OUTER_TTL 64

static_assert(sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) +
			sizeof(struct rte_udp_hdr) + sizeof(struct rte_esp_hdr) <=
		ENCAP_HEADER_BYTES,
	"the longest header has room");

/* A way to the outer destination. */
struct way_out {
	const struct neighbor *neighbor; /* NULL: none, see drop */
	enum drop_reason drop;
};

static struct way_out
resolve_leaf(const struct gateway *gw, const struct nexthop *hop, uint32_t remote)
{
	const struct neighbor *neighbor = NULL;

	switch (hop->kind) {
	case NEXTHOP_ONLINK:
		neighbor = neighbor_get(gw->neighbors, hop->port, remote);
		break;
	case NEXTHOP_GATEWAY:
		neighbor = hop->neighbor;
		break;
	case NEXTHOP_DROP:
		return (struct way_out) { .drop = (enum drop_reason)hop->reason };
	default:
		/* Through a tunnel, which would nest without end, or to ourselves. */
		return (struct way_out) { .drop = DROP_no_route };
	}
	bool known = neighbor != NULL && neighbor_read(neighbor) != 0;
	return (struct way_out) { neighbor, known ? DROP_NONE : DROP_no_neighbor };
}

/* What makes one way better than another: a link, then a neighbor that is known. One that is not
 * may yet be found, over a link. */
static unsigned
merit(const struct gateway *gw, const struct way_out *way)
{
	if (way->neighbor == NULL)
		return 0;
	return 1 + (way->drop == DROP_NONE) + (gateway_has_link(gw, way->neighbor->port) ? 2 : 0);
}

/* Through a group: the first of its best members, so that one tunnel keeps one way. */
static struct way_out
resolve(const struct gateway *gw, uint32_t remote)
{
	const struct nexthop_slots *slots = nexthop_slots(gw->nexthops);
	const struct route *route = route_match(gw, ROUTE_TABLE_MAIN, remote);
	const struct nexthop *hop = nexthop_read(slots, route != NULL ? route->nexthop : 0);

	if (hop->kind != NEXTHOP_GROUP)
		return resolve_leaf(gw, hop, remote);
	struct way_out best =
		resolve_leaf(gw, nexthop_read(slots, hop->group->members[0].id), remote);
	for (unsigned i = 1; i < hop->group->n_members; i++) {
		const struct nexthop *leaf = nexthop_read(slots, hop->group->members[i].id);
		struct way_out way = resolve_leaf(gw, leaf, remote);

		if (merit(gw, &way) > merit(gw, &best))
			best = way;
	}
	return best;
}

uint16_t
encap_mtu(uint16_t outer_mtu, const struct crypto_key *key, bool udp)
{
	unsigned overhead = sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_esp_hdr) +
		(udp ? sizeof(struct rte_udp_hdr) : 0) + key->iv_bytes + key->icv_bytes;
	unsigned ciphertext;

	if (outer_mtu < overhead)
		return 0;
	ciphertext = (outer_mtu - overhead) / key->block_bytes * key->block_bytes;
	if (ciphertext < sizeof(struct rte_ipv4_hdr) + ESP_TRAILER_BYTES)
		return 0;
	return (uint16_t)(ciphertext - ESP_TRAILER_BYTES);
}

static void
write_ethernet(const struct port *port, const struct neighbor *neighbor, uint8_t *at)
{
	struct rte_ether_hdr ether = { .ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4) };

	neighbor_mac(neighbor, &ether.dst_addr);
	ether.src_addr = port->mac;
	memcpy(at, &ether, sizeof(ether));
}

/* Returns its sum, see ip_sum in tunnel.h. */
static uint16_t
write_ipv4(const struct tunnel *tunnel, const struct encap_wish *wish, uint8_t *at)
{
	struct rte_ipv4_hdr ip = {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.time_to_live = OUTER_TTL,
		.next_proto_id = wish->sa->udp ? IPPROTO_UDP : IPPROTO_ESP,
		.src_addr = rte_cpu_to_be_32(tunnel->local),
		.dst_addr = rte_cpu_to_be_32(wish->towards),
	};

	memcpy(at, &ip, sizeof(ip));
	return rte_raw_cksum(at, sizeof(ip));
}

/* RFC 3948 2.1: the UDP checksum is zero. */
static void
write_udp(const struct sa *sa, uint8_t *at)
{
	struct rte_udp_hdr udp = {
		.src_port = rte_cpu_to_be_16(sa->record->encap_sport),
		.dst_port = rte_cpu_to_be_16(sa->record->encap_dport),
	};

	memcpy(at, &udp, sizeof(udp));
}

static void
write_esp(const struct sa *sa, uint8_t *at)
{
	struct rte_esp_hdr esp = { .spi = rte_cpu_to_be_32(sa->spi) };

	memcpy(at, &esp, sizeof(esp));
}

static void
write_header(const struct tunnel *tunnel, const struct encap_wish *wish, struct encap *encap,
	uint8_t *at)
{
	encap->ip_offset = (uint16_t)(at - encap->header);
	encap->ip_sum = write_ipv4(tunnel, wish, at);
	at += sizeof(struct rte_ipv4_hdr);
	if (wish->sa->udp) {
		write_udp(wish->sa, at);
		at += sizeof(struct rte_udp_hdr);
	}
	write_esp(wish->sa, at);
}

const struct neighbor *
encap_build(const struct gateway *gw, const struct tunnel *tunnel, const struct encap_wish *wish,
	struct encap *encap)
{
	struct sa *sa = wish->sa;
	struct way_out way = { .drop = DROP_no_route };

	memset(encap, 0, sizeof(*encap));
	if (wish->towards != 0)
		way = resolve(gw, wish->towards);
	encap->drop = (uint8_t)wish->drop;
	encap->hold = wish->hold;
	if (encap->hold)
		encap->selectors = wish->selectors;
	if (sa == NULL)
		return way.neighbor;
	if (way.neighbor != NULL) {
		encap->port = way.neighbor->port;
		encap->mtu = encap_mtu(
			path_mtu_of(tunnel, gw->ports[encap->port].mtu), sa->key, sa->udp);
	}
	if (encap->drop == DROP_NONE)
		encap->drop = (uint8_t)way.drop;
	if (encap->drop != DROP_NONE)
		return way.neighbor;
	encap->sa = sa;
	encap->key = sa->key;
	encap->selectors = wish->selectors;
	encap->udp = sa->udp;
	encap->iv_bytes = sa->key->iv_bytes;
	encap->icv_bytes = sa->key->icv_bytes;
	encap->block_bytes = sa->key->block_bytes;
	encap->esp_align_mask = (uint8_t)(crypto_esp_alignment(sa->key->suite) - 1);
	encap->header_bytes =
		(uint16_t)(sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) +
			(sa->udp ? sizeof(struct rte_udp_hdr) : 0) + sizeof(struct rte_esp_hdr));
	encap->around_bytes = (uint16_t)(encap->header_bytes + encap->iv_bytes + encap->icv_bytes);
	uint8_t *at = encap->header + ENCAP_HEADER_BYTES - encap->header_bytes;
	write_ethernet(&gw->ports[encap->port], way.neighbor, at);
	write_header(tunnel, wish, encap, at + sizeof(struct rte_ether_hdr));
	return way.neighbor;
}

struct encap *
encap_alloc(struct slab *slab, struct sa *sa)
{
	if (sa == NULL)
		return slab_alloc(slab, sizeof(struct encap));
	/* The last one is next to the SA. */
	for (unsigned i = SA_ENCAPS; i-- > 0;) {
		struct encap *encap = &sa->record->encaps[i];

		if (sa->record->encap_used[i])
			continue;
		sa->record->encap_used[i] = true;
		ASAN_UNPOISON_MEMORY_REGION(encap, sizeof(*encap));
		return encap;
	}
	return slab_alloc(slab, sizeof(struct encap));
}

void
encap_free(struct encap *encap)
{
	struct sa *sa = encap->sa;

	for (unsigned i = 0; sa != NULL && i < SA_ENCAPS; i++) {
		if (encap != &sa->record->encaps[i])
			continue;
		assert(sa->record->encap_used[i]);
		sa->record->encap_used[i] = false;
		memset(encap, 0, sizeof(*encap));
		ASAN_POISON_MEMORY_REGION(encap, sizeof(*encap));
		return;
	}
	slab_free(encap);
}
