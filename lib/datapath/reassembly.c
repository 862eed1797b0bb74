/* SPDX-License-Identifier: BSD-3-Clause */
#include "reassembly.h"

#include <rte_cycles.h>
#include <rte_ip_frag.h>
#include <rte_udp.h>

#include "compiler.h"
#include "handover.h"
#include "ipv4.h"
#include "punt.h"
#include "worker.h"

#define BUCKET_PACKETS 4

/* Pieces come back to back. RFC 1122 3.3.2 would have hosts wait for a minute, in which a fast peer
 * uses each identification a thousand times (RFC 4963), and every lost piece leaves others that
 * wait. */
#define PATIENCE_MS 100
#define LOOK_MS 20
/* What has waited for so long when there is no room for others goes; looked for so often. */
#define CROWDED_MS 10
#define CROWDED_LOOK_MS 1

/* For stores of whole vectors behind a packet's end. */
#define TAIL_BYTES (2 * CACHE_LINE_BYTES)

static uint64_t
tsc_of(unsigned milliseconds)
{
	return rte_get_tsc_hz() * milliseconds / 1000;
}

static bool
create_table(struct piece_table *table, int socket)
{
	table->table = rte_ip_frag_table_create(REASSEMBLY_PACKETS / BUCKET_PACKETS, BUCKET_PACKETS,
		REASSEMBLY_PACKETS, tsc_of(PATIENCE_MS), socket);
	return table->table != NULL;
}

static void
destroy_table(struct piece_table *table)
{
	if (table->table != NULL)
		rte_ip_frag_table_destroy(table->table);
}

bool
reassembly_init(struct reassembly *reassembly, int socket)
{
	/* As USER1, which nobody else is here, the library tells of each table. */
	rte_log_set_level(RTE_LOGTYPE_USER1, RTE_LOG_WARNING);
	return create_table(&reassembly->esp, socket) && create_table(&reassembly->udp, socket);
}

void
reassembly_fini(struct reassembly *reassembly)
{
	destroy_table(&reassembly->esp);
	destroy_table(&reassembly->udp);
}

static bool
is_esp(const struct rte_mbuf *pkt)
{
	return burst_ip(pkt)->next_proto_id == IPPROTO_ESP;
}

/* What a piece is to those who have no use for it. */
static enum drop_reason
reason_of(const struct rte_mbuf *piece)
{
	return is_esp(piece) ? DROP_esp_fragment : DROP_local_undeliverable;
}

/* Drops what nobody else wants: one piece, or some that became one packet. */
static void
discard(struct worker *worker, struct rte_mbuf *pkt, enum drop_reason reason)
{
	counter_add(&worker->counters->drops[reason], pkt->nb_segs);
	rte_pktmbuf_free(pkt);
}

/* A piece that is of no use here. Of UDP the kernel may have it, if there is room among the
 * victims: not in the place of those that are there already and nobody has looked at. */
static void
give_back(struct worker *worker, struct rte_mbuf *piece)
{
	const struct victims *victims = &worker->victims;

	if (is_esp(piece) || victims->n == RTE_DIM(victims->pkt))
		discard(worker, piece, reason_of(piece));
	else
		worker_drop(worker, piece, worker->port_index[piece->port], reason_of(piece));
}

/* Those that the library gave up: some of them have others behind them already. */
static void
bury(struct worker *worker, struct piece_table *table, const struct rte_ip_frag_death_row *row)
{
	for (uint32_t i = 0; i < row->cnt; i++) {
		struct rte_mbuf *pkt = row->row[i];

		table->held -= pkt->nb_segs;
		if (pkt->nb_segs == 1)
			give_back(worker, pkt);
		else
			discard(worker, pkt, reason_of(pkt));
	}
}

/* Gives up what has waited for so long. */
static void
expire(struct worker *worker, struct piece_table *table, uint64_t now, unsigned milliseconds)
{
	struct rte_ip_frag_death_row row;

	row.cnt = 0;
	rte_ip_frag_table_del_expired_entries(
		table->table, &row, now + tsc_of(PATIENCE_MS) - tsc_of(milliseconds));
	bury(worker, table, &row);
}

void
reassembly_expire(struct worker *worker)
{
	struct reassembly *reassembly = &worker->reassembly;
	uint64_t now = rte_rdtsc();

	if (now < reassembly->look_tsc)
		return;
	reassembly->look_tsc = now + tsc_of(LOOK_MS);
	expire(worker, &reassembly->esp, now, PATIENCE_MS);
	expire(worker, &reassembly->udp, now, PATIENCE_MS);
}

/* False: it was done a moment ago. */
static bool
make_room(struct worker *worker, struct piece_table *table, uint64_t now)
{
	if (now < table->room_tsc)
		return false;
	table->room_tsc = now + tsc_of(CROWDED_LOOK_MS);
	expire(worker, table, now, CROWDED_MS);
	return true;
}

/* RFC 3168 5.3: congestion that was marked on any piece is marked on the whole; but not where
 * another one says that it does not do ECN: false. Data of all but the first one begin behind their
 * headers, which still stand there. */
static bool
merge_ecn(struct rte_mbuf *whole)
{
	struct rte_ipv4_hdr *ip = burst_ip(whole);
	bool congested = false, incapable = false;

	for (const struct rte_mbuf *piece = whole; piece != NULL; piece = piece->next) {
		const struct rte_ipv4_hdr *header = piece == whole
			? ip
			: rte_pktmbuf_mtod_offset(
				  piece, const struct rte_ipv4_hdr *, -(int)piece->l3_len);
		unsigned ecn = header->type_of_service & ECN_MASK;

		congested |= ecn == ECN_CE;
		incapable |= ecn == ECN_NOT_ECT;
	}
	if (congested)
		ip->type_of_service |= ECN_CE;
	return !congested || !incapable;
}

static void
deliver(struct worker *worker, struct piece_table *table, struct rte_mbuf *whole)
{
	table->held -= whole->nb_segs;
	if (!merge_ecn(whole)) {
		discard(worker, whole, DROP_bad_ecn);
		return;
	}
	if (rte_pktmbuf_linearize(whole) < 0) {
		discard(worker, whole, reason_of(whole));
		return;
	}
	ipv4_set_checksum(burst_ip(whole));
	if (rte_ring_enqueue(worker->handed[worker->id], whole) != 0)
		discard(worker, whole, DROP_handover_full);
}

/* Has it anything, and would the whole fit into one buffer, as far as this piece tells? */
static bool
fits(const struct rte_mbuf *piece)
{
	const struct rte_ipv4_hdr *ip = burst_ip(piece);
	unsigned offset = rte_be_to_cpu_16(ip->fragment_offset) & RTE_IPV4_HDR_OFFSET_MASK;

	return piece->data_len > RTE_ETHER_HDR_LEN + ipv4_header_bytes(ip) &&
		RTE_PKTMBUF_HEADROOM + offset * RTE_IPV4_HDR_OFFSET_UNITS + piece->data_len +
			TAIL_BYTES <=
		piece->buf_len;
}

/* Offers a piece to the table, where it joins those of its packet. False: there was no room. */
static bool
offer(struct worker *worker, struct piece_table *table, struct rte_mbuf *piece, uint64_t now)
{
	struct rte_ip_frag_death_row row;
	struct rte_mbuf *whole;

	if (table->held >= REASSEMBLY_HELD)
		return false;
	row.cnt = 0;
	whole = rte_ipv4_frag_reassemble_packet(table->table, &row, piece, now, burst_ip(piece));
	/* What is no good is given up together with those that were there before. */
	if (row.cnt == 1 && row.row[0] == piece)
		return false;
	table->held++;
	bury(worker, table, &row);
	if (whole != NULL)
		deliver(worker, table, whole);
	return true;
}

static void
add(struct worker *worker, struct rte_mbuf *piece)
{
	const bool esp = is_esp(piece);
	struct piece_table *table = esp ? &worker->reassembly.esp : &worker->reassembly.udp;
	uint64_t now = rte_rdtsc();

	if (!fits(piece)) {
		give_back(worker, piece);
		return;
	}
	piece->l2_len = RTE_ETHER_HDR_LEN;
	piece->l3_len = ipv4_header_bytes(burst_ip(piece));
	if (offer(worker, table, piece, now) ||
		(make_room(worker, table, now) && offer(worker, table, piece, now)))
		return;
	if (esp)
		discard(worker, piece, DROP_reassembly_full);
	else
		give_back(worker, piece);
}

/* ESP inside a tunnel is not looked at twice. Of UDP only the first piece tells the port. */
static bool
is_piece(const struct victims *victims, unsigned i)
{
	const struct rte_mbuf *pkt = victims->pkt[i];
	const struct rte_ipv4_hdr *ip = burst_ip(pkt);
	const struct rte_udp_hdr *udp;

	if (victims->ingress[i] & INGRESS_TUNNEL)
		return false;
	if (victims->reason[i] == DROP_esp_fragment)
		return true;
	if (victims->reason[i] != DROP_local_undeliverable || pkt->nb_segs != 1 ||
		ip->next_proto_id != IPPROTO_UDP || !ipv4_is_fragment(ip))
		return false;
	udp = (const struct rte_udp_hdr *)((const uint8_t *)ip + ipv4_header_bytes(ip));
	return (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)) != 0 ||
		rte_be_to_cpu_16(ip->total_length) < ipv4_header_bytes(ip) + sizeof(*udp) ||
		udp->dst_port == RTE_BE16(NATT_PORT);
}

/* Takes the pieces out of the victims, among which some of them will be again; returns their
 * number. */
static unsigned
extract(struct victims *victims, struct rte_mbuf *pieces[])
{
	unsigned kept = 0, n = 0;

	for (unsigned i = 0; i < victims->n; i++) {
		if (is_piece(victims, i))
			pieces[n++] = victims->pkt[i];
		else
			victims_move(victims, kept++, i);
	}
	victims->n = kept;
	return n;
}

void
reassemble(struct worker *worker)
{
	struct rte_mbuf *pieces[RTE_DIM(worker->victims.pkt)];
	const unsigned n = extract(&worker->victims, pieces);

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *piece = pieces[i];
		uint32_t hash = ipv4_flow_hash(burst_ip(piece), worker->gw->hash_seed);

		/* That of all pieces of a packet, whatever the NIC spread them by. */
		if (worker->gw->n_workers == 1 ||
			handover_keep(worker, piece, worker->port_index[piece->port], hash))
			add(worker, piece);
	}
}
