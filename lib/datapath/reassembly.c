/* SPDX-License-Identifier: BSD-3-Clause */
#include "reassembly.h"

#include <rte_cycles.h>
#include <rte_ip_frag.h>
#include <rte_udp.h>

#include "handover.h"
#include "ipv4.h"
#include "punt.h"
#include "worker.h"

#define BUCKET_PACKETS 4

/* Pieces come back to back. RFC 1122 3.3.2 would have hosts wait for a minute, in which a fast peer
 * uses each identification many times (RFC 4963). */
#define PATIENCE_MS 1000
#define LOOK_MS 100

/* In mbuf.hash.usr of pieces: the victim itself, or a copy of one that goes its way. */
enum origin { TAKEN, COPIED };

bool
reassembly_init(struct reassembly *reassembly, int socket)
{
	reassembly->table = rte_ip_frag_table_create(REASSEMBLY_PACKETS / BUCKET_PACKETS,
		BUCKET_PACKETS, REASSEMBLY_PACKETS, rte_get_tsc_hz() * PATIENCE_MS / 1000, socket);
	return reassembly->table != NULL;
}

void
reassembly_fini(struct reassembly *reassembly)
{
	if (reassembly->table != NULL)
		rte_ip_frag_table_destroy(reassembly->table);
}

/* Frees pieces that become nothing. A copy was counted where its original went. */
static void
discard(struct worker *worker, struct rte_mbuf *pkt, enum drop_reason reason)
{
	if (pkt->hash.usr == TAKEN)
		counter_add(&worker->counters->drops[reason], pkt->nb_segs);
	rte_pktmbuf_free(pkt);
}

/* Those that the library gave up. */
static void
bury(struct worker *worker, const struct rte_ip_frag_death_row *row)
{
	for (uint32_t i = 0; i < row->cnt; i++)
		discard(worker, row->row[i], DROP_esp_fragment);
	worker->reassembly.held -= row->cnt;
}

/* RFC 3168 5.3: congestion that was marked on any piece is marked on the whole. Data of the others
 * begins behind their headers, which still stand there. */
static void
merge_congestion(struct rte_mbuf *whole)
{
	struct rte_ipv4_hdr *ip = burst_ip(whole);

	for (const struct rte_mbuf *piece = whole->next; piece != NULL; piece = piece->next) {
		const struct rte_ipv4_hdr *header = rte_pktmbuf_mtod_offset(
			piece, const struct rte_ipv4_hdr *, -(int)piece->l3_len);

		if ((header->type_of_service & RTE_IPV4_HDR_ECN_MASK) == RTE_IPV4_HDR_ECN_CE)
			ip->type_of_service |= RTE_IPV4_HDR_ECN_CE;
	}
}

/* RFC 3948 2.2: in UDP to that port, ESP has an SPI where IKE has zeroes. */
static bool
is_esp_in_udp(const struct rte_mbuf *whole)
{
	const struct rte_ipv4_hdr *ip = burst_ip(whole);
	const uint8_t *udp = (const uint8_t *)ip + ipv4_header_bytes(ip);

	return rte_be_to_cpu_16(ip->total_length) >=
		ipv4_header_bytes(ip) + sizeof(struct rte_udp_hdr) + sizeof(uint32_t) &&
		((const struct rte_udp_hdr *)udp)->dst_port == RTE_BE16(NATT_PORT) &&
		load_u32(udp + sizeof(struct rte_udp_hdr)) != 0;
}

static void
deliver(struct worker *worker, struct rte_mbuf *whole)
{
	worker->reassembly.held -= whole->nb_segs;
	merge_congestion(whole);
	if (rte_pktmbuf_linearize(whole) < 0 ||
		(whole->hash.usr == COPIED && !is_esp_in_udp(whole))) {
		discard(worker, whole, DROP_esp_fragment);
		return;
	}
	ipv4_set_checksum(burst_ip(whole));
	if (rte_ring_enqueue(worker->handed[worker->id], whole) != 0)
		discard(worker, whole, DROP_handover_full);
}

/* Would the whole fit into one buffer, as far as this piece tells? */
static bool
fits(const struct rte_mbuf *piece)
{
	const struct rte_ipv4_hdr *ip = burst_ip(piece);
	unsigned offset = rte_be_to_cpu_16(ip->fragment_offset) & RTE_IPV4_HDR_OFFSET_MASK;

	return offset * RTE_IPV4_HDR_OFFSET_UNITS + piece->data_len + RTE_PKTMBUF_HEADROOM <=
		piece->buf_len;
}

static void
add(struct worker *worker, struct rte_mbuf *piece, enum origin origin)
{
	struct reassembly *reassembly = &worker->reassembly;
	struct rte_ip_frag_death_row row;
	struct rte_mbuf *whole;

	piece->hash.usr = origin;
	if (!fits(piece)) {
		discard(worker, piece, DROP_esp_fragment);
		return;
	}
	row.cnt = 0;
	piece->l2_len = RTE_ETHER_HDR_LEN;
	piece->l3_len = ipv4_header_bytes(burst_ip(piece));
	reassembly->held++;
	whole = rte_ipv4_frag_reassemble_packet(
		reassembly->table, &row, piece, rte_rdtsc(), burst_ip(piece));
	bury(worker, &row);
	if (whole != NULL)
		deliver(worker, whole);
}

/* ESP inside a tunnel is not looked at twice. Of UDP nobody knows whether it is ESP before the
 * first piece is there. */
static bool
is_piece(const struct victims *victims, unsigned i)
{
	const struct rte_mbuf *pkt = victims->pkt[i];

	if (victims->ingress[i] & INGRESS_TUNNEL)
		return false;
	return victims->reason[i] == DROP_esp_fragment ||
		(victims->reason[i] == DROP_local_undeliverable && pkt->nb_segs == 1 &&
			burst_ip(pkt)->next_proto_id == IPPROTO_UDP &&
			ipv4_is_fragment(burst_ip(pkt)));
}

/* Makes a piece of a victim. False: it stays a victim, because the kernel may want it, and a copy
 * is taken. */
static bool
take(struct worker *worker, struct rte_mbuf *pkt, unsigned port)
{
	struct rte_ipv4_hdr *ip = burst_ip(pkt);
	struct rte_mbuf *copy;

	/* Its hash is that of all pieces, whatever the NIC spread them by. */
	if (worker->gw->n_workers > 1 &&
		!handover_keep(worker, pkt, port, ipv4_flow_hash(ip, worker->gw->hash_seed)))
		return true;
	if (ip->next_proto_id == IPPROTO_ESP || !worker->gw->punt->kernel) {
		add(worker, pkt, TAKEN);
		return true;
	}
	copy = rte_pktmbuf_copy(pkt, worker->pool, 0, UINT32_MAX);
	if (copy != NULL)
		add(worker, copy, COPIED);
	return false;
}

void
reassemble(struct worker *worker)
{
	struct victims *victims = &worker->victims;
	unsigned kept = 0;

	for (unsigned i = 0; i < victims->n; i++) {
		if (is_piece(victims, i) && take(worker, victims->pkt[i], victims->ingress[i]))
			continue;
		victims->pkt[kept] = victims->pkt[i];
		victims->ingress[kept] = victims->ingress[i];
		victims->mtu[kept] = victims->mtu[i];
		victims->reason[kept++] = victims->reason[i];
	}
	victims->n = kept;
}

void
reassembly_expire(struct worker *worker)
{
	struct reassembly *reassembly = &worker->reassembly;
	struct rte_ip_frag_death_row row;
	uint64_t now = rte_rdtsc();

	if (now < reassembly->look_tsc)
		return;
	row.cnt = 0;
	reassembly->look_tsc = now + rte_get_tsc_hz() * LOOK_MS / 1000;
	rte_ip_frag_table_del_expired_entries(reassembly->table, &row, now);
	bury(worker, &row);
}
