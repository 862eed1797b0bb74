/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include <rte_esp.h>
#include <rte_hash_crc.h>
#include <rte_udp.h>

#include "handover.h"
#include "headers.h"
#include "ipv4.h"
#include "replay.h"
#include "sa.h"
#include "warm.h"

/* Within UDP, UDP's length says how much of `room` is ESP (RFC 768): what is behind its end is not,
 * and where it lies, nothing is. */
static __rte_noinline unsigned
udp_payload(const uint8_t *esp, unsigned room)
{
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)esp - 1;
	unsigned said = rte_be_to_cpu_16(udp->dgram_len);

	if (said < UDP_HEADER_BYTES || said - UDP_HEADER_BYTES > room)
		return 0;
	return said - UDP_HEADER_BYTES;
}

/*
 * The worker that alone may touch the SA's window and counters: whoever received its first packet,
 * or, where one queue feeds several workers, one that its SPI picks.
 *
 * Nothing is proven of that packet: who guesses the SPI of an SA that carried nothing yet can
 * choose its worker, to whom the others hand over then. To wait for proof would cost more: two
 * workers could hold packets of an SA that nobody owns, and the one who comes second may have
 * decrypted his in place, too late to hand it over.
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

/* Cheap checks before crypto, on `bytes` that begin with the ESP header. They change nothing of
 * it: a forger must not be able to. */
static inline enum drop_reason
check(const struct sa *sa, uint8_t *esp, unsigned bytes, struct crypto_op *op, uint64_t *sequence)
{
	const struct replay *replay = sa_replay(sa);
	uint64_t number = rte_be_to_cpu_32(((const struct rte_esp_hdr *)esp)->seq);

	if (unlikely(atomic_load_explicit(&sa->expired, memory_order_relaxed)))
		return DROP_sa_expired;
	/* RFC 4303 2, 3.4.2: long enough, and a payload of whole cipher blocks. */
	if (unlikely(bytes <= sa->around_bytes || (bytes - sa->around_bytes) & sa->block_mask))
		return DROP_short_esp;
	if (sa->esn) {
		number = replay_extend(replay, (uint32_t)number);
		op->esn_high_be = rte_cpu_to_be_32((uint32_t)(number >> 32));
	}
	op->key = sa->key;
	op->esp = esp;
	op->bytes = (uint16_t)(bytes - sa->icv_bytes);
	*sequence = number;
	return replay_check(replay, number);
}

/* Moves an SA's packet to worker->esp, if it may be new and is this worker's to open. */
static inline void
take(struct worker *worker, unsigned i, struct sa *sa)
{
	const struct ip_burst *from = &worker->ip;
	struct esp_burst *to = &worker->esp;
	struct rte_mbuf *pkt = from->pkt[i];
	unsigned port = from->ingress[i];
	unsigned target = owner(worker, sa, port);
	unsigned offset = from->esp_at[i];
	unsigned at = to->n;

	if (unlikely(target != worker->id)) {
		handover_to(worker, target, pkt, port);
		return;
	}
	uint8_t *esp = (uint8_t *)burst_ip(pkt) + offset;
	unsigned bytes = from->total[i] - offset;
	if (unlikely(sa->udp))
		bytes = udp_payload(esp, bytes);
	enum drop_reason reason = check(sa, esp, bytes, &to->op[at], &to->sequence[at]);
	if (unlikely(reason != DROP_NONE)) {
		sa_refused(sa, reason);
		worker_drop(worker, pkt, port, reason);
		return;
	}
	to->pkt[at] = pkt;
	to->port[at] = (uint8_t)port;
	to->tos[at] = header_tos(from, i);
	to->sa[at] = sa;
	to->n = at + 1;
}

void
esp_claim(struct worker *worker)
{
	struct ip_burst *burst = &worker->ip;
	const unsigned n = burst->n;
	struct sa *sa[BURST_PKTS];
	unsigned left = 0;

	sa_lookup(worker->gw->sas, burst->spi, burst->dst, sa, n);
	if (warm_pays(worker))
		warm_sas(worker, sa, n);
	for (unsigned i = 0; i < n; i++) {
		bool udp = burst->verdict[i] & HEADER_ESP_IN_UDP;

		/* RFC 3948: an SA takes the encapsulation it was negotiated for, no other. */
		if (unlikely(sa[i] == NULL || sa[i]->udp != udp))
			ip_burst_move(burst, left++, i);
		else
			take(worker, i, sa[i]);
	}
	burst->n = left;
}
