/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* An allowance that refills with time and overflows at a burst's worth. One writer. */
struct token_bucket {
	uint64_t interval_tsc; /* between two tokens */
	uint64_t burst;        /* tokens it holds at most */
	uint64_t full_tsc;     /* when it will be full again: each token taken moves this on by one
				  interval */
};

static inline bool
token_bucket_take(struct token_bucket *bucket, uint64_t now_tsc)
{
	uint64_t full = bucket->full_tsc > now_tsc ? bucket->full_tsc : now_tsc;

	if (full - now_tsc > (bucket->burst - 1) * bucket->interval_tsc)
		return false;
	bucket->full_tsc = full + bucket->interval_tsc;
	return true;
}
