/* SPDX-License-Identifier: BSD-3-Clause */
#include "latency.h"

void
latency_merge(struct latency *latency, const struct latency *other)
{
	if (other->n == 0)
		return;
	if (latency->n == 0 || other->min < latency->min)
		latency->min = other->min;
	if (other->max > latency->max)
		latency->max = other->max;
	latency->n += other->n;
	latency->sum += other->sum;
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		latency->buckets[i] += other->buckets[i];
}

/* The middle of a bucket. */
static uint64_t
value_of(unsigned bucket)
{
	unsigned shift = bucket >> LATENCY_FINE_BITS;
	uint64_t low;

	if (bucket < 2 * LATENCY_FINE)
		return bucket;
	shift--;
	low = (uint64_t)(bucket - (shift << LATENCY_FINE_BITS)) << shift;
	return low + (UINT64_C(1) << shift) / 2;
}

uint64_t
latency_quantile(const struct latency *latency, double share)
{
	uint64_t wanted = (uint64_t)(share * (double)latency->n);
	uint64_t seen = 0;

	for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
		seen += latency->buckets[i];
		if (seen > wanted || (seen > 0 && seen == latency->n)) {
			uint64_t value = value_of(i);

			if (value < latency->min)
				return latency->min;
			return value > latency->max ? latency->max : value;
		}
	}
	return 0;
}
