/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include <rte_udp.h>

#include "ipv4.h"
#include "mapping.h"
#include "replay.h"
#include "sa.h"

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
mark_seen(struct worker *worker, const struct esp_burst *burst, unsigned i)
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
esp_verify(struct worker *worker)
{
	struct esp_burst *burst = &worker->esp;
	unsigned kept = 0;

	crypto_verify(worker->crypto, burst->op, burst->n);
	for (unsigned i = 0; i < burst->n; i++) {
		/* The same number twice in one burst passes esp_claim() twice, and this once. */
		enum drop_reason reason =
			likely(burst->op[i].ok) ? mark_seen(worker, burst, i) : DROP_bad_icv;

		if (unlikely(reason != DROP_NONE)) {
			sa_refused(burst->sa[i], reason);
			worker_drop(worker, burst->pkt[i], burst->port[i], reason);
			continue;
		}
		esp_burst_move(burst, kept++, i);
	}
	burst->n = kept;
}

void
esp_decrypt(struct worker *worker)
{
	crypto_decrypt(worker->crypto, worker->esp.op, worker->esp.n);
}
