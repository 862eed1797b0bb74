/* SPDX-License-Identifier: BSD-3-Clause */
#include "run.h"

#include <rte_prefetch.h>

#include "branch.h"
#include "flow.h"
#include "ipv4.h"

#define AHEAD 8u /* runs between the one whose SA is asked for and the one that is billed */

struct tunnel_run *
run_begin(struct worker *worker, uint16_t slot, const struct encap *encap)
{
	struct tunnel_run *run = &worker->runs[worker->n_runs];
	bool asks = encap->drop != DROP_NONE || encap->selectors != NULL;

	*run = (struct tunnel_run) {
		.encap = encap,
		.sa = encap->sa,
		.slot = slot,
		.unasked = asks ? 0 : encap->mtu,
	};
	worker->run_of[slot] = (uint8_t)worker->n_runs;
	return run;
}

struct tunnel_run *
run_branch(struct worker *worker, struct tunnel_run *trunk, const struct rte_ipv4_hdr *ip)
{
	struct packet_flow flow = flow_outbound(ip);
	const struct branch_child *child = branch_choose(trunk->encap->branches, &flow);

	if (child == NULL)
		return trunk;
	struct tunnel_run *run = run_find(worker, child->slot);
	return run != NULL ? run : run_begin(worker, child->slot, &child->encap);
}

/* How many of the run's packets the SA's byte lifetime still pays for; takes their bytes. Exact,
 * also between workers. */
static uint16_t
reserve_bytes(struct worker *worker, const struct tunnel_run *run)
{
	const struct tunnel_burst *burst = &worker->tunnel;
	struct sa *sa = run->sa;
	uint16_t place = run_place(worker, run);
	uint64_t taken = atomic_load_explicit(&sa->bytes_out, memory_order_relaxed);
	uint64_t wanted;
	uint16_t allowed;

	do {
		wanted = taken;
		allowed = 0;
		for (unsigned i = 0; i < burst->n && wanted < sa->limit_bytes; i++) {
			if (burst->tunnel[i] != place)
				continue;
			wanted += burst->total[i];
			allowed++;
		}
	} while (!atomic_compare_exchange_weak_explicit(
		&sa->bytes_out, &taken, wanted, memory_order_relaxed, memory_order_relaxed));
	return allowed;
}

/* Of what reserve_bytes() took for `paid` packets, the SA gets back what those cost that do not go.
 */
static void
return_bytes(const struct worker *worker, const struct tunnel_run *run, uint16_t paid)
{
	const struct tunnel_burst *burst = &worker->tunnel;
	uint16_t place = run_place(worker, run);
	uint64_t bytes = 0;

	for (unsigned i = 0; i < burst->n; i++)
		if (burst->tunnel[i] == place && burst->ordinal[i] > run->allowed &&
			burst->ordinal[i] <= paid)
			bytes += burst->total[i];
	atomic_fetch_sub_explicit(&run->sa->bytes_out, bytes, memory_order_relaxed);
}

/* Only workers add to it, so a worker that has no others need not lock the cache line. */
static inline void
bill_bytes(const struct worker *worker, struct sa *sa, uint64_t bytes)
{
	if (worker->gw->n_workers > 1)
		atomic_fetch_add_explicit(&sa->bytes_out, bytes, memory_order_relaxed);
	else
		atomic_store_explicit(&sa->bytes_out,
			atomic_load_explicit(&sa->bytes_out, memory_order_relaxed) + bytes,
			memory_order_relaxed);
}

/* RFC 4303 3.3.3: a number is never used twice, and none is left when the counter would wrap. */
static void
reserve(struct worker *worker, struct tunnel_run *run)
{
	struct sa *sa = run->sa;
	/* Once: control may change it, and what is compared must be what is subtracted. */
	uint64_t limit = atomic_load_explicit(&sa->limit_sequence, memory_order_relaxed);

	run->allowed = 0;
	run->reason = DROP_sa_expired;
	if (unlikely(atomic_load_explicit(&sa->expired, memory_order_relaxed)))
		return;
	if (unlikely(atomic_load_explicit(&sa->sequence, memory_order_relaxed) >= limit)) {
		run->reason = sa->limit_reason;
		return;
	}
	run->allowed = run->packets;
	run->bytes_taken = sa->limit_bytes != UINT64_MAX;
	if (unlikely(run->bytes_taken))
		run->allowed = reserve_bytes(worker, run);

	run->sequence =
		atomic_fetch_add_explicit(&sa->sequence, run->allowed, memory_order_relaxed);
	if (unlikely(run->sequence + run->allowed > limit)) {
		uint16_t paid = run->allowed;

		run->allowed = run->sequence >= limit ? 0 : (uint16_t)(limit - run->sequence);
		run->reason = sa->limit_reason;
		if (run->bytes_taken)
			return_bytes(worker, run, paid);
		return;
	}
	/* Here and not when all is done, because here the cache line is near. */
	if (likely(!run->bytes_taken)) {
		bill_bytes(worker, sa, run->bytes);
		run->bytes_taken = true;
	}
}

void
run_reserve_all(struct worker *worker)
{
	const struct tunnel_run *runs = worker->runs;
	const unsigned n = worker->n_runs;

	/* Atomic additions wait for their cache lines one after the other. */
	for (unsigned i = 0; i < RTE_MIN(n, AHEAD); i++)
		rte_prefetch0_write(&runs[i].sa->sequence);
	for (unsigned i = 0; i < n; i++) {
		if (i + AHEAD < n)
			rte_prefetch0_write(&runs[i + AHEAD].sa->sequence);
		reserve(worker, &worker->runs[i]);
	}
}

void
run_settle_all(struct worker *worker)
{
	for (unsigned i = 0; i < worker->n_runs; i++) {
		const struct tunnel_run *run = &worker->runs[i];

		if (unlikely(!run->bytes_taken))
			bill_bytes(worker, run->sa, run->bytes);
	}
	worker->n_runs = 0;
}
