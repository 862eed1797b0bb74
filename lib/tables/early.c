/* SPDX-License-Identifier: BSD-3-Clause */
#include "early.h"

#include <stdlib.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_lcore.h>
#include <rte_udp.h>

#include "bytes.h"
#include "clock.h"
#include "gateway.h"
#include "sa.h"

struct early *
early_create(void)
{
	struct early *early = calloc(1, sizeof(*early));

	if (early == NULL)
		return NULL;
	early->ring = rte_ring_create(
		"early", EARLY_PKTS, (int)rte_socket_id(), RING_F_SC_DEQ | RING_F_EXACT_SZ);
	if (early->ring != NULL)
		return early;
	free(early);
	return NULL;
}

void
early_destroy(struct early *early)
{
	struct rte_mbuf *pkt;

	if (early == NULL)
		return;
	while (rte_ring_dequeue(early->ring, (void **)&pkt) == 0)
		rte_pktmbuf_free(pkt);
	rte_ring_free(early->ring);
	for (unsigned i = 0; i < early->n; i++)
		rte_pktmbuf_free(early->packets[i].pkt);
	free(early);
}

static uint64_t
make_name(uint32_t spi, uint32_t destination)
{
	return (uint64_t)spi << 32 | destination;
}

void
early_expect(struct early *early, uint32_t spi, uint32_t destination, uint64_t now_ns)
{
	for (unsigned i = 0; i < EARLY_SPIS; i++) {
		if (atomic_load_explicit(&early->names[i], memory_order_relaxed) != 0)
			continue;
		early->until_ns[i] = now_ns + EARLY_EXPECT_NS;
		atomic_store_explicit(
			&early->names[i], make_name(spi, destination), memory_order_relaxed);
		atomic_fetch_add_explicit(&early->expected, 1, memory_order_relaxed);
		return;
	}
}

bool
early_expects(const struct early *early, uint64_t name)
{
	for (unsigned i = 0; i < EARLY_SPIS; i++)
		if (atomic_load_explicit(&early->names[i], memory_order_relaxed) == name)
			return true;
	return false;
}

static const struct rte_ipv4_hdr *
ipv4_of(const struct rte_mbuf *pkt)
{
	return rte_pktmbuf_mtod_offset(pkt, const struct rte_ipv4_hdr *, RTE_ETHER_HDR_LEN);
}

uint64_t
early_name(const struct rte_mbuf *pkt)
{
	const struct rte_ipv4_hdr *ip = ipv4_of(pkt);
	unsigned skip = rte_ipv4_hdr_len(ip) +
		(ip->next_proto_id == IPPROTO_UDP ? sizeof(struct rte_udp_hdr) : 0);

	return make_name(rte_be_to_cpu_32(load_u32((const uint8_t *)ip + skip)),
		rte_be_to_cpu_32(ip->dst_addr));
}

static const struct sa *
find_sa(const struct gateway *gw, uint64_t name)
{
	uint32_t spi = (uint32_t)(name >> 32), destination = (uint32_t)name;
	struct sa *sa;

	sa_lookup(gw->sas, &spi, &destination, &sa, 1);
	return sa;
}

enum early_verdict
early_judge(const struct gateway *gw, const struct rte_mbuf *pkt)
{
	const struct rte_ipv4_hdr *ip = ipv4_of(pkt);
	const struct sa *sa = find_sa(gw, early_name(pkt));

	if (sa == NULL)
		return EARLY_WAITS;
	return sa->udp == (ip->next_proto_id == IPPROTO_UDP) ? EARLY_GOES : EARLY_DROPS;
}

static void
drop(struct gateway *gw, struct rte_mbuf *pkt)
{
	gw->control_drops[DROP_unknown_spi]++;
	rte_pktmbuf_free(pkt);
}

static void
give_back(const struct early *early, struct rte_mbuf *pkt)
{
	early->send(early->context, pkt, pkt->hash.usr);
}

static void
hold(struct gateway *gw, struct rte_mbuf *pkt, uint64_t now_ns)
{
	struct early *early = gw->early;
	uint64_t name = early_name(pkt);
	unsigned alike = 0;

	for (unsigned i = 0; i < early->n; i++)
		alike += early->packets[i].name == name;
	if (early->n == EARLY_PKTS || alike == EARLY_SPI_PKTS)
		drop(gw, pkt);
	else
		early->packets[early->n++] = (struct early_packet) { pkt, now_ns, name };
}

static void
settle(struct gateway *gw, struct rte_mbuf *pkt, uint64_t now_ns)
{
	switch (early_judge(gw, pkt)) {
	case EARLY_WAITS:
		hold(gw, pkt, now_ns);
		break;
	case EARLY_GOES:
		give_back(gw->early, pkt);
		break;
	case EARLY_DROPS:
		drop(gw, pkt);
		break;
	}
}

void
early_set_sender(struct early *early, early_send_fn send, const void *context)
{
	early->send = send;
	early->context = context;
}

void
early_collect(struct gateway *gw, uint64_t now_ns)
{
	struct rte_mbuf *pkt[EARLY_PKTS];
	unsigned n = rte_ring_dequeue_burst(gw->early->ring, (void **)pkt, EARLY_PKTS, NULL);

	for (unsigned i = 0; i < n; i++)
		settle(gw, pkt[i], now_ns);
}

void
early_return(struct gateway *gw, uint32_t spi, uint32_t destination)
{
	struct early *early = gw->early;
	uint64_t name = make_name(spi, destination);
	unsigned kept = 0;

	for (unsigned i = 0; i < early->n; i++)
		if (early->packets[i].name == name)
			give_back(early, early->packets[i].pkt);
		else
			early->packets[kept++] = early->packets[i];
	early->n = kept;
	early_collect(gw, clock_now_ns());
}

static void
drop_overdue(struct gateway *gw, uint64_t now_ns)
{
	struct early *early = gw->early;
	unsigned kept = 0;

	for (unsigned i = 0; i < early->n; i++)
		if (now_ns - early->packets[i].since_ns >= EARLY_HOLD_NS)
			drop(gw, early->packets[i].pkt);
		else
			early->packets[kept++] = early->packets[i];
	early->n = kept;
}

void
early_tick(struct gateway *gw, uint64_t now_ns)
{
	struct early *early = gw->early;

	drop_overdue(gw, now_ns);
	if (!early_any(early))
		return;
	for (unsigned i = 0; i < EARLY_SPIS; i++) {
		uint64_t name = atomic_load_explicit(&early->names[i], memory_order_relaxed);

		if (name == 0)
			continue;
		if (now_ns + EARLY_GRACE_NS < early->until_ns[i] && find_sa(gw, name) != NULL)
			early->until_ns[i] = now_ns + EARLY_GRACE_NS;
		if (now_ns < early->until_ns[i])
			continue;
		atomic_store_explicit(&early->names[i], 0, memory_order_relaxed);
		atomic_fetch_sub_explicit(&early->expected, 1, memory_order_relaxed);
	}
}
