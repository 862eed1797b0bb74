/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include <rte_cycles.h>
#include <rte_prefetch.h>

#include "admission.h"
#include "ipv4.h"
#include "punt.h"
#include "run.h"

/* May this packet enter the tunnel? DROP_too_big here means: not in one piece. */
static enum drop_reason
judge(const struct encap *encap, const struct rte_mbuf *pkt, unsigned total)
{
	if (unlikely(encap->drop != DROP_NONE))
		return encap->hold && !admit_outbound(encap->selectors, burst_ip(pkt))
			? DROP_policy_out
			: encap->drop;
	/* RFC 4301 5.1: what the policy does not cover is not sent, in the clear least of all. */
	if (encap->selectors != NULL && unlikely(!admit_outbound(encap->selectors, burst_ip(pkt))))
		return DROP_policy_out;
	if (unlikely(total > encap->mtu))
		return DROP_too_big;
	return DROP_NONE;
}

/*
 * Passes a packet whose tunnel has no SA but asks for one to the control core, which brings it back
 * when there is one: all that is left to do to it then is what the kernel's own packets need.
 * False: too many of them.
 */
static bool
hold(struct worker *worker, unsigned i)
{
	const struct tunnel_burst *burst = &worker->tunnel;
	struct rte_mbuf *pkt = burst->pkt[i];
	struct punt *punt = worker->gw->punt;

	/* One tunnel without an answer must not take the places of all others. */
	if (atomic_load_explicit(
		    &worker->gw->tunnels[burst->tunnel[i]].hold_full, memory_order_relaxed))
		return false;
	if (pkt->nb_segs != 1 || rte_ring_count(punt->ring) >= punt_class_room(PUNT_CLASS_HOLD) ||
		!token_bucket_take(&worker->punt_tokens.bucket[0][PUNT_CLASS_HOLD], rte_rdtsc()))
		return false;
	ipv4_set_ttl_word(burst_ip(pkt), burst->onward[i]);
	if (!punt_put(punt, pkt, PUNT_HOLD, burst->tunnel[i]))
		return false;
	punt_wake(punt);
	return true;
}

static void
set_aside(struct worker *worker, unsigned i)
{
	struct tunnel_burst *from = &worker->tunnel;
	struct tunnel_burst *to = &worker->oversize;

	/* Here, so that its pieces have it. */
	ipv4_set_ttl_word(burst_ip(from->pkt[i]), from->onward[i]);
	to->pkt[to->n] = from->pkt[i];
	to->ingress[to->n] = from->ingress[i];
	to->tunnel[to->n++] = from->tunnel[i];
}

/* What becomes of a packet that may not enter as it is. */
static void
turn_away(struct worker *worker, unsigned i, const struct encap *encap, enum drop_reason reason)
{
	struct tunnel_burst *burst = &worker->tunnel;
	struct rte_mbuf *pkt = burst->pkt[i];

	if (encap->hold && reason == encap->drop && hold(worker, i))
		return;
	if (reason != DROP_too_big)
		worker_drop(worker, pkt, burst->ingress[i], reason);
	else if (burst_ip(pkt)->fragment_offset & IPV4_DF)
		worker_refuse(worker, pkt, burst->ingress[i], encap->mtu);
	else
		set_aside(worker, i);
}

/* The run that packet i joins, if its encap lets it; else NULL, and the packet is dealt with. */
static struct tunnel_run *
ask(struct worker *worker, unsigned i)
{
	const struct tunnel_burst *burst = &worker->tunnel;
	struct tunnel_run *run = run_choose(worker, burst->tunnel[i], burst->pkt[i]);
	enum drop_reason reason = judge(run->encap, burst->pkt[i], burst->total[i]);

	if (likely(reason == DROP_NONE))
		return run;
	turn_away(worker, i, run->encap, reason);
	return NULL;
}

void
esp_admit(struct worker *worker)
{
	struct tunnel_burst *burst = &worker->tunnel;
	unsigned kept = 0;

	for (unsigned i = 0; i < burst->n; i++) {
		uint16_t total = burst->total[i];
		struct tunnel_run *run = run_of_tunnel(worker, burst->tunnel[i]);

		if (unlikely(total > run->unasked)) {
			run = ask(worker, i);
			if (run == NULL)
				continue;
		}
		/* The headers will go there, where nothing has been read or written yet. */
		rte_prefetch0_write(rte_pktmbuf_mtod(burst->pkt[i], uint8_t *) - CACHE_LINE_BYTES);
		tunnel_burst_move(burst, kept, i);
		burst->tunnel[kept] = run_place(worker, run);
		burst->ordinal[kept++] = run_join(worker, run, total);
	}
	burst->n = kept;
}

/* Puts the pieces of one packet into the burst, which has room for FRAGMENTS_MAX more. */
static enum drop_reason
cut(struct worker *worker, struct rte_mbuf *pkt, uint32_t ingress, uint16_t tunnel)
{
	struct tunnel_burst *burst = &worker->tunnel;
	struct tunnel_run *run = run_choose(worker, tunnel, pkt);
	struct rte_mbuf *pieces[FRAGMENTS_MAX];
	unsigned n;

	if (run->encap->drop != DROP_NONE)
		return run->encap->drop;
	n = fragment(worker, pkt, run->encap->mtu, pieces);
	if (n == 0)
		return DROP_no_mbuf;
	for (unsigned i = 0; i < n; i++) {
		const struct rte_ipv4_hdr *ip = burst_ip(pieces[i]);
		uint16_t total = rte_be_to_cpu_16(ip->total_length);

		burst->pkt[burst->n] = pieces[i];
		burst->ingress[burst->n] = ingress;
		burst->onward[burst->n] = ipv4_ttl_word(ip);
		burst->total[burst->n] = total;
		burst->tunnel[burst->n] = run_place(worker, run);
		burst->ordinal[burst->n++] = run_join(worker, run, total);
	}
	rte_pktmbuf_free(pkt);
	return DROP_NONE;
}

unsigned
esp_fragment(struct worker *worker)
{
	struct tunnel_burst *oversize = &worker->oversize;
	unsigned done = 0;

	while (done < oversize->n && worker->tunnel.n + FRAGMENTS_MAX <= BURST_PKTS) {
		enum drop_reason reason = cut(worker, oversize->pkt[done], oversize->ingress[done],
			oversize->tunnel[done]);

		if (unlikely(reason != DROP_NONE))
			worker_drop(worker, oversize->pkt[done], oversize->ingress[done], reason);
		done++;
	}
	/* The rest, if any, moves to the front and comes next time, in its order. */
	oversize->n -= done;
	memmove(oversize->pkt, oversize->pkt + done, oversize->n * sizeof(oversize->pkt[0]));
	memmove(oversize->ingress, oversize->ingress + done,
		oversize->n * sizeof(oversize->ingress[0]));
	memmove(oversize->tunnel, oversize->tunnel + done,
		oversize->n * sizeof(oversize->tunnel[0]));
	return worker->tunnel.n;
}
