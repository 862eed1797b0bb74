/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

/*
 * A histogram of times in cycles. Buckets grow with the value: 64 for each power of two, so that
 * every figure read from it is right to 1.6 %.
 */

#define LATENCY_FINE_BITS 6
#define LATENCY_FINE (1 << LATENCY_FINE_BITS)
#define LATENCY_BUCKETS (LATENCY_FINE * (36 - LATENCY_FINE_BITS))

struct latency {
	uint64_t n, sum, min, max;
	uint64_t buckets[LATENCY_BUCKETS];
};

/* One writer. */
static inline void
latency_add(struct latency *latency, uint64_t cycles)
{
	unsigned bucket = (unsigned)cycles;

	if (cycles >= LATENCY_FINE) {
		unsigned shift = 63 - (unsigned)__builtin_clzll(cycles) - LATENCY_FINE_BITS;

		bucket = (shift << LATENCY_FINE_BITS) + (unsigned)(cycles >> shift);
	}
	if (bucket >= LATENCY_BUCKETS)
		bucket = LATENCY_BUCKETS - 1;
	latency->buckets[bucket]++;
	latency->sum += cycles;
	if (latency->n++ == 0 || cycles < latency->min)
		latency->min = cycles;
	if (cycles > latency->max)
		latency->max = cycles;
}

/* Adds another one's counts. */
void latency_merge(struct latency *latency, const struct latency *other);

/* The value that the given share (0 to 1) does not exceed; 0 when empty. */
uint64_t latency_quantile(const struct latency *latency, double share);
