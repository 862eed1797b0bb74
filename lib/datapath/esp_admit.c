/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include "ipv4.h"
#include "run.h"
#include "selector.h"

/* May this packet enter the tunnel? DROP_too_big here means: not in one piece. */
static inline enum drop_reason
judge(const struct encap *encap, const struct rte_ipv4_hdr *ip)
{
	if (unlikely(encap->drop != DROP_NONE))
		return encap->drop;
	/* RFC 4301 5.1: what the policy does not cover is not sent, in the clear least of all. */
	if (unlikely(!selector_match(encap->selectors, rte_be_to_cpu_32(ip->src_addr),
		    rte_be_to_cpu_32(ip->dst_addr))))
		return DROP_policy_out;
	if (unlikely(rte_be_to_cpu_16(ip->total_length) > encap->mtu))
		return DROP_too_big;
	return DROP_NONE;
}

static void
set_aside(struct worker *worker, unsigned i)
{
	struct tunnel_burst *from = &worker->tunnel;
	struct tunnel_burst *to = &worker->oversize;

	to->pkt[to->n] = from->pkt[i];
	to->ingress[to->n] = from->ingress[i];
	to->tunnel[to->n++] = from->tunnel[i];
}

/* What becomes of a packet that may not enter as it is. */
static void
turn_away(struct worker *worker, unsigned i, uint16_t mtu, enum drop_reason reason)
{
	struct tunnel_burst *burst = &worker->tunnel;
	struct rte_mbuf *pkt = burst->pkt[i];

	if (reason != DROP_too_big)
		worker_drop(worker, pkt, burst->ingress[i], reason);
	else if (burst_ip(pkt)->fragment_offset & IPV4_DF)
		worker_refuse(worker, pkt, burst->ingress[i], mtu);
	else
		set_aside(worker, i);
}

void
esp_admit(struct worker *worker)
{
	struct tunnel_burst *burst = &worker->tunnel;
	unsigned kept = 0;

	for (unsigned i = 0; i < burst->n; i++) {
		struct rte_ipv4_hdr *ip = burst_ip(burst->pkt[i]);
		uint16_t tunnel = burst->tunnel[i];
		struct tunnel_run *run = run_open(worker, tunnel);
		enum drop_reason reason = judge(run->encap, ip);

		if (unlikely(reason != DROP_NONE)) {
			turn_away(worker, i, run->encap->mtu, reason);
			continue;
		}
		ipv4_lower_ttl(ip);
		burst->pkt[kept] = burst->pkt[i];
		burst->ingress[kept] = burst->ingress[i];
		burst->tunnel[kept] = tunnel;
		burst->ordinal[kept++] = run_join(worker, run, rte_be_to_cpu_16(ip->total_length));
	}
	burst->n = kept;
}

/* Puts the pieces of one packet into the burst, which has room for FRAGMENTS_MAX more. */
static enum drop_reason
cut(struct worker *worker, struct rte_mbuf *pkt, uint32_t ingress, uint16_t tunnel)
{
	struct tunnel_burst *burst = &worker->tunnel;
	struct tunnel_run *run = run_open(worker, tunnel);
	struct rte_mbuf *pieces[FRAGMENTS_MAX];
	unsigned n;

	if (run->encap->drop != DROP_NONE)
		return run->encap->drop;
	ipv4_lower_ttl(burst_ip(pkt));
	n = fragment(worker, pkt, run->encap->mtu, pieces);
	if (n == 0)
		return DROP_no_mbuf;
	for (unsigned i = 0; i < n; i++) {
		burst->pkt[burst->n] = pieces[i];
		burst->ingress[burst->n] = ingress;
		burst->tunnel[burst->n] = tunnel;
		burst->ordinal[burst->n++] =
			run_join(worker, run, rte_be_to_cpu_16(burst_ip(pieces[i])->total_length));
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
