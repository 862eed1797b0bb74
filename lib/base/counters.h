/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include "compiler.h"
#include "drops.h"
#include "sizes.h"
#include "stage.h"

/*
 * Everything a worker counts. One of these per worker: the worker alone writes, the control core
 * reads and adds the workers up. No lock, no atomic read-modify-write: see counter_add().
 */

struct traffic {
	uint64_t packets;
	uint64_t bytes;
};

struct port_counters {
	struct traffic rx; /* Ethernet frames without FCS */
	struct traffic tx;
	uint64_t tx_full; /* packets the queue refused; also in drops[DROP_tx_full] */
};

/* Bucket i: from 2^i cycles to less than twice as many; the last has all that took longer. */
#define LOOP_BUCKETS 32

struct worker_counters {
	CACHE_ALIGNED uint64_t drops[DROP_REASON_COUNT];
	uint64_t loops;                          /* turns of the poll loop */
	uint64_t busy_loops;                     /* turns that found at least one packet */
	uint64_t bursts;                         /* rx bursts with at least one packet */
	uint64_t packets;                        /* packets taken from queues and rings */
	uint64_t sleeps;                         /* times the worker slept because it was idle */
	uint64_t handed_over;                    /* packets passed to another worker by ring */
	uint64_t loop_cycles_log2[LOOP_BUCKETS]; /* busy turns by the time they took */
	uint64_t loop_cycles_max;                /* the longest busy turn */
	CACHE_ALIGNED struct port_counters ports[PORTS_MAX];
	CACHE_ALIGNED struct stage_counters stages[STAGE_COUNT]; /* zeroes where the build counts
								    none */
};

/*
 * Adds to a counter of which the caller is the only writer. A relaxed store keeps readers on other
 * cores from seeing a torn value. What it says is one instruction, of which compilers make three.
 */
static inline void
counter_add(uint64_t *counter, uint64_t n)
{
	__asm__("addq %1, %0" : "+m"(*counter) : "er"(n) : "cc");
}

/* Reads a counter that another thread writes. */
static inline uint64_t
counter_read(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}
