/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker.h"

#include <stdio.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_pause.h>

#include "branch.h"
#include "pipeline.h"
#include "punt.h"
#include "stage_clock.h"
#include "stages.h"

#define RING_PKTS 4096

/* Packets that leave before the next queue is read: while they wait, the next ones take other
 * buffers, and the near caches hold neither. Fewer wait for more, because telling a device costs as
 * much for one as for many. */
#define TX_MANY (BURST_PKTS / 2)

/* RFC 1812 4.3.2.8: ICMP errors are limited; these are a worker's. */
#define ICMP_ERRORS_PER_SECOND 1000
#define ICMP_ERRORS_AT_ONCE 64
/* To one host. */
#define ICMP_ERRORS_PER_SECOND_OF_ONE 100
#define ICMP_ERRORS_AT_ONCE_OF_ONE 32

/* How idleness deepens, in turns without a packet: first spin, then pause, then nap, each nap twice
 * the one before. */
#define SPIN_TURNS 256
#define PAUSE_TURNS 4096
#define NAP_FIRST_US 8u
#define NAP_SHORT_US 100u
/* Of these short naps, some seconds' worth: then it is not a pause in traffic but a quiet hour, and
 * longer naps cost nobody anything but the first packet some patience. */
#define NAPS_TO_DEEP 16384

static struct rte_ring *
create_ring(const char *purpose, unsigned id)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "%s_%u", purpose, id);
	return rte_ring_create(
		name, RING_PKTS, (int)rte_socket_id(), RING_F_SC_DEQ | RING_F_EXACT_SZ);
}

static void
drain(struct rte_ring *ring)
{
	struct rte_mbuf *pkt;

	while (ring != NULL && rte_ring_dequeue(ring, (void **)&pkt) == 0)
		rte_pktmbuf_free(pkt);
	rte_ring_free(ring);
}

struct worker *
worker_create(const struct gateway *gw, struct crypto *crypto, struct rte_mempool *pool,
	unsigned id, unsigned lcore)
{
	int socket = (int)rte_lcore_to_socket_id(lcore);
	uint64_t second = rte_get_tsc_hz();
	struct worker *worker =
		rte_zmalloc_socket("worker", sizeof(*worker), CACHE_LINE_BYTES, socket);

	if (worker == NULL) {
		crypto_destroy(crypto);
		return NULL;
	}
	worker->gw = gw;
	worker->crypto = crypto;
	worker->pool = pool;
	worker->counters = gw->counters[id];
	worker->id = id;
	worker->lcore = lcore;
	worker->judge_headers = headers_variant(0);
	worker->too_big_errors = worker->other_errors = (struct icmp_allowance) {
		.all = { .interval_tsc = second / ICMP_ERRORS_PER_SECOND,
			.burst = ICMP_ERRORS_AT_ONCE },
		.each = { .interval_tsc = second / ICMP_ERRORS_PER_SECOND_OF_ONE,
			.burst = ICMP_ERRORS_AT_ONCE_OF_ONE },
	};
	worker->notes.interval_tsc = second;
	worker->notes.burst = 1;
	punt_class_init(&worker->punt_tokens, second);
	worker->run_of =
		rte_zmalloc_socket("run_of", branch_runs(gw) + 1, CACHE_LINE_BYTES, socket);
	worker->handed[id] = create_ring("handed", id);
	worker->tx_ring = create_ring("tx", id);
	worker->inject = create_ring("inject", id);
	if (worker->run_of == NULL || worker->handed[id] == NULL || worker->tx_ring == NULL ||
		worker->inject == NULL || !reassembly_init(&worker->reassembly, socket)) {
		worker_destroy(worker);
		return NULL;
	}
	return worker;
}

void
worker_destroy(struct worker *worker)
{
	if (worker == NULL)
		return;
	for (unsigned port = 0; port < PORTS_MAX; port++)
		rte_pktmbuf_free_bulk(worker->tx[port].pkt, worker->tx[port].n);
	drain(worker->handed[worker->id]);
	drain(worker->tx_ring);
	drain(worker->inject);
	reassembly_fini(&worker->reassembly);
	crypto_destroy(worker->crypto);
	rte_free(worker->run_of);
	rte_free(worker);
}

static void
send_waiting(struct worker *worker, unsigned fewest)
{
	stage_clock_start(worker);
	unsigned n = tx_flush(worker, fewest);
	stage_clock_bill(worker, STAGE_tx, n);
}

/* One turn: everything that arrived, once around. Returns the number of packets. */
static unsigned
turn(struct worker *worker)
{
	unsigned found = 0;
	unsigned n;

	/* First what came earlier: ESP that waited for its SA has lower numbers than what the
	 * queues hold by now. */
	stage_clock_start(worker);
	n = rx_ring_take(worker);
	if (n > 0)
		pipeline_frames(worker);
	found += n;
	for (unsigned i = 0; i < worker->n_rx_queues; i++) {
		stage_clock_start(worker);
		n = rx_queue_take(worker, &worker->rx_queues[i]);
		if (n == 0)
			continue;
		stage_clock_bill(worker, STAGE_rx, n);
		pipeline_frames(worker);
		send_waiting(worker, TX_MANY);
		found += n;
	}
	found += pipeline_injected(worker);
	if (unlikely(reassembly_waits(&worker->reassembly)))
		pipeline_overdue(worker);
	send_waiting(worker, 1);
	n = tx_ring_pass(worker);
	stage_clock_bill(worker, STAGE_tx, n);
	return found + n;
}

/*
 * Called in each turn that found nothing: gives the core back, little by little. Before a nap the
 * worker goes offline, so that the control core waits for no sleeper.
 */
static void
idle(struct worker *worker, unsigned empty_turns)
{
	if (empty_turns < SPIN_TURNS)
		return;
	if (empty_turns < PAUSE_TURNS || worker->idle_sleep_us == 0) {
		rte_pause();
		return;
	}
	unsigned naps = empty_turns - PAUSE_TURNS;
	unsigned nap_us = naps >= NAPS_TO_DEEP
		? worker->idle_sleep_us
		: RTE_MIN(NAP_FIRST_US << RTE_MIN(naps, 16u), NAP_SHORT_US);
	nap_us = RTE_MIN(nap_us, worker->idle_sleep_us);
	struct timespec nap = { .tv_nsec = nap_us * 1000L };

	rcu_offline(worker->gw->rcu, worker->id);
	counter_add(&worker->counters->sleeps, 1);
	nanosleep(&nap, NULL);
	rcu_online(worker->gw->rcu, worker->id);
}

/* --start-held: until the operator says resume. */
static void
wait_while_held(const struct gateway *gw)
{
	struct timespec nap = { .tv_nsec = 1000000 };

	while (atomic_load_explicit(&gw->held, memory_order_acquire) &&
		!atomic_load_explicit(&gw->stop, memory_order_relaxed))
		nanosleep(&nap, NULL);
}

/* Idle turns are left out: their time is what the worker chose to give away. */
static void
count_busy_turn(struct worker_counters *counters, uint64_t cycles)
{
	counter_add(&counters->busy_loops, 1);
	counter_add(
		&counters->loop_cycles_log2[RTE_MIN(rte_fls_u64(cycles | 1) - 1, LOOP_BUCKETS - 1)],
		1);
	if (cycles > counters->loop_cycles_max)
		counter_add(&counters->loop_cycles_max, cycles - counters->loop_cycles_max);
}

int
worker_run(void *argument)
{
	struct worker *worker = argument;
	const struct gateway *gw = worker->gw;
	unsigned empty_turns = 0;

	wait_while_held(gw);
	rcu_online(gw->rcu, worker->id);
	uint64_t begun = rte_rdtsc();
	while (!atomic_load_explicit(&gw->stop, memory_order_relaxed)) {
		bool busy = turn(worker) > 0;

		counter_add(&worker->counters->loops, 1);
		if (busy)
			empty_turns = 0;
		else
			idle(worker, empty_turns++);
		rcu_quiescent(gw->rcu, worker->id);
		/* Read last, and once: a turn's end is the next one's beginning, and a nap is
		 * neither's. */
		uint64_t now = rte_rdtsc();
		if (busy)
			count_busy_turn(worker->counters, now - begun);
		begun = now;
	}
	rcu_offline(gw->rcu, worker->id);
	return 0;
}
