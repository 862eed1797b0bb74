/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mempool.h>
#include <rte_ring.h>

#include "burst.h"
#include "fair_share.h"
#include "gateway.h"
#include "headers.h"
#include "punt_class.h"
#include "reassembly.h"
#include "token_bucket.h"

/*
 * A worker: one lcore that runs packets to completion. It polls its queues and the rings other
 * workers fill for it, and nobody else touches what is in here, but for the rings and the counters,
 * which the control core reads.
 */

#define WORKER_QUEUES_MAX 64

struct rx_queue {
	uint16_t dpdk_port;
	uint16_t queue;
	uint8_t port; /* index */
};

/* Packets waiting to leave through a port: at the end of a turn at the latest, when there are many
 * before the next queue is read. */
struct tx_buffer {
	uint16_t dpdk_port;
	uint16_t queue;
	uint16_t n;
	struct rte_ring
		*to_owner; /* NULL: the queue is ours; else packets go to the worker that owns it */
	struct rte_mbuf *pkt[2 * BURST_PKTS];
};

/*
 * The packets of one burst that go through one tunnel: so that its sequence numbers are taken once,
 * and so that all of them use one encap, whatever the control core swaps meanwhile.
 */
struct tunnel_run {
	const struct encap *encap;
	struct sa *sa;     /* the encap's, here because that one is far by the time it is billed */
	uint64_t sequence; /* the number before the first packet's */
	uint32_t bytes;    /* inner IP */
	uint16_t unasked;  /* largest inner packet that may join and nobody needs ask the encap */
	uint16_t packets;
	uint16_t allowed; /* packets that may go: of those with a higher ordinal the SA wants
			     nothing */
	uint16_t slot;    /* a tunnel's index, or a branch's slot */
	uint8_t reason;   /* why not */
	bool bytes_taken; /* the SA has been billed: its byte lifetime had to pay first */
};

/* ICMP errors that may be sent: in all, and to each host. */
struct icmp_allowance {
	struct token_bucket all;
	struct fair_share each;
};

struct worker {
	/* const after start */
	const struct gateway *gw;
	struct crypto *crypto;
	struct rte_mempool *pool; /* for fragments and ICMP errors */
	struct worker_counters *counters;
	unsigned id;
	unsigned lcore;
	unsigned n_rx_queues;
	struct rx_queue rx_queues[WORKER_QUEUES_MAX];
	struct rte_ring
		*handed[WORKERS_MAX]; /* [worker]: where it takes packets that others received */
	struct rte_ring *tx_ring;     /* packets for queues that this worker owns */
	struct rte_ring
		*inject; /* inner packets for tunnels, checked, which mbuf->hash.usr names as
			    punt.h does: what the kernel sends, and what waited for an SA */
	headers_judge_fn judge_headers;
	bool spread[PORTS_MAX]; /* by port: too few queues, so whoever receives spreads by flow */
	bool spreads;           /* any port */
	uint8_t port_index[RTE_MAX_ETHPORTS]; /* by DPDK port */
	unsigned idle_sleep_us;               /* longest nap of an idle worker; 0: never sleep */

	/* worker-private */
	struct icmp_allowance too_big_errors; /* path MTU discovery is not for scans to stop */
	struct icmp_allowance other_errors;
	struct fair_share notes; /* to the control core, of each neighbor that it is asked for */
	struct punt_tokens punt_tokens;
	unsigned n_runs;                        /* of the burst at work; none between bursts */
	struct tunnel_run runs[BURST_PKTS + 1]; /* and one to be looked at, see run_begin() */
	uint8_t *run_of; /* [tunnels, then slots of branches]: its place in `runs`, of this burst
			    or an earlier one, or 0: see run_find() */
	struct ip_burst ip;
	struct tunnel_burst tunnel;
	struct tunnel_burst oversize; /* too large for their tunnel, to be fragmented */
	struct esp_burst esp;
	struct victims victims;
	struct reassembly reassembly;
	struct tx_buffer tx[PORTS_MAX];
	uint64_t stage_tsc; /* stage_clock.h */
};

/*
 * Makes a worker with its rings; queues and buffers are filled in by whoever knows the devices.
 * `crypto` passes over. NULL: out of memory. Control, before start.
 */
struct worker *worker_create(const struct gateway *gw, struct crypto *crypto,
	struct rte_mempool *pool, unsigned id, unsigned lcore);
/* Frees packets left in rings and buffers, crypto included. Control, after the lcore returned. NULL
 * is fine. */
void worker_destroy(struct worker *worker);

/* The lcore's main function (argument: struct worker *): polls until gw->stop. Always 0. */
int worker_run(void *worker);

/* Counts the victims by reason and frees them. Worker. */
void drop_victims(struct worker *worker);

/* A packet larger than `mtu`, what its way can carry, goes no further; its sender will be told.
 * Worker. */
static inline void
worker_refuse(struct worker *worker, struct rte_mbuf *pkt, uint32_t ingress, uint16_t mtu)
{
	struct victims *victims = &worker->victims;

	if (unlikely(victims->n == RTE_DIM(victims->pkt)))
		drop_victims(worker);
	victims->pkt[victims->n] = pkt;
	victims->ingress[victims->n] = ingress;
	victims->mtu[victims->n] = mtu;
	victims->reason[victims->n++] = DROP_too_big;
}

/* A packet goes no further, for a reason (enum drop_reason) other than its size. Worker. */
static inline void
worker_drop(struct worker *worker, struct rte_mbuf *pkt, uint32_t ingress, unsigned reason)
{
	worker_refuse(worker, pkt, ingress, 0);
	worker->victims.reason[worker->victims.n - 1] = (uint8_t)reason;
}
