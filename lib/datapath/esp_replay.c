/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include <rte_esp.h>
#include <rte_hash_crc.h>
#include <rte_udp.h>

#include "handover.h"
#include "ipv4.h"
#include "mapping.h"
#include "replay.h"
#include "sa.h"

/*
 * The worker that alone may touch the SA's window and counters: whoever received its first packet,
 * or, where one queue feeds several workers, one that its SPI picks.
 */
static inline unsigned
owner(struct worker *worker, struct sa *sa, unsigned port)
{
	uint32_t owner = atomic_load_explicit(&sa->owner, memory_order_relaxed);

	if (likely(owner != SA_OWNER_NONE))
		return owner;
	uint32_t chosen = worker->id;
	if (worker->spread[port])
		chosen = rte_hash_crc_4byte(sa->spi, 0) % worker->gw->n_workers;
	if (atomic_compare_exchange_strong_explicit(
		    &sa->owner, &owner, chosen, memory_order_relaxed, memory_order_relaxed))
		return chosen;
	return owner;
}

/* RFC 4303 2, 3.4.2: long enough for header, IV, trailer and ICV, and payload of whole cipher
 * blocks. */
static inline bool
has_shape(const struct crypto_key *key, unsigned bytes)
{
	unsigned around = sizeof(struct rte_esp_hdr) + key->iv_bytes + key->icv_bytes;

	/* A power of two, so no division. */
	return bytes >= around + key->block_bytes &&
		((bytes - around) & (key->block_bytes - 1u)) == 0;
}

/* Cheap checks before crypto. They change nothing: a forger must not be able to. */
static inline enum drop_reason
check(struct sa *sa, struct crypto_op *op, uint64_t *sequence)
{
	const struct crypto_key *key = sa->key;
	const struct replay *replay = sa_replay(sa);
	const struct rte_esp_hdr *header = (const struct rte_esp_hdr *)op->esp;

	if (unlikely(atomic_load_explicit(&sa->expired, memory_order_relaxed)))
		return DROP_sa_expired;
	if (unlikely(!has_shape(key, op->bytes)))
		return DROP_short_esp;
	*sequence = rte_be_to_cpu_32(header->seq);
	if (sa->esn)
		*sequence = replay_extend(replay, (uint32_t)*sequence);
	op->key = key;
	op->esn_high_be = rte_cpu_to_be_32((uint32_t)(*sequence >> 32));
	op->bytes -= key->icv_bytes;
	return replay_check(replay, *sequence);
}

void
esp_replay_check(struct worker *worker)
{
	struct esp_burst *burst = &worker->esp;
	unsigned kept = 0;

	for (unsigned i = 0; i < burst->n; i++) {
		unsigned port = burst->port[i];
		unsigned target = owner(worker, burst->sa[i], port);

		if (unlikely(target != worker->id)) {
			handover_to(worker, target, burst->pkt[i], port);
			continue;
		}
		enum drop_reason reason = check(burst->sa[i], &burst->op[i], &burst->sequence[i]);
		if (unlikely(reason != DROP_NONE)) {
			sa_refused(burst->sa[i], reason);
			worker_drop(worker, burst->pkt[i], port, reason);
			continue;
		}
		esp_burst_move(burst, kept++, i);
	}
	burst->n = kept;
}

/* Where a UDP-encapsulated packet came from. */
static inline uint64_t
place_of(struct rte_mbuf *pkt, const struct crypto_op *op)
{
	const struct rte_udp_hdr *udp =
		(const struct rte_udp_hdr *)(op->esp - sizeof(struct rte_udp_hdr));

	return mapping_place(
		rte_be_to_cpu_32(burst_ip(pkt)->src_addr), rte_be_to_cpu_16(udp->src_port));
}

/* Marks an authentic packet's number as seen. If it is the newest, it tells where the peer is: an
 * older one may have been kept by somebody who sends it now. */
static inline enum drop_reason
update(struct worker *worker, const struct esp_burst *burst, unsigned i)
{
	struct sa *sa = burst->sa[i];
	struct replay *replay = sa_replay(sa);
	bool newest = burst->sequence[i] > replay->top;
	enum drop_reason reason = replay_update(replay, burst->sequence[i]);

	if (unlikely(reason != DROP_NONE))
		return reason;
	if (sa->udp && newest) {
		uint64_t place = place_of(burst->pkt[i], &burst->op[i]);

		if (unlikely(place != atomic_load_explicit(&sa->peer, memory_order_relaxed)))
			mapping_note(worker->gw, sa, place);
	}
	return DROP_NONE;
}

void
esp_replay_update(struct worker *worker)
{
	struct esp_burst *burst = &worker->esp;
	unsigned kept = 0;

	for (unsigned i = 0; i < burst->n; i++) {
		/* The same number twice in one burst passes the check twice, and the update once.
		 */
		enum drop_reason reason = update(worker, burst, i);

		if (unlikely(reason != DROP_NONE)) {
			sa_refused(burst->sa[i], reason);
			worker_drop(worker, burst->pkt[i], burst->port[i], reason);
			continue;
		}
		esp_burst_move(burst, kept++, i);
	}
	burst->n = kept;
}
