/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "crypto.h"

/*
 * The order in which the ops of a burst go to the lanes. The ops themselves stay where they are:
 * an order is a list of their indexes, so results need no sorting back. Internal to lib/crypto.
 */

#define ORDER_GROUPS_MAX 32
#define ORDER_BUCKETS 64
#define ORDER_ROWS 4

/* Ops of one group, in the order of their arrival. */
struct order_run {
	const uint8_t *ops; /* indexes into the burst */
	uint8_t n;
	uint8_t group;
	bool uneven;          /* their lengths may differ */
	uint16_t length_bits; /* no length has a bit that is not here */
};

struct order {
	struct order_run runs[ORDER_GROUPS_MAX];
	CACHE_ALIGNED uint8_t by_group[BURST_PKTS];
	uint8_t by_length[BURST_PKTS];
	/* scratch of the length sort */
	uint8_t bucket_of[BURST_PKTS];
	uint8_t next[ORDER_ROWS][ORDER_BUCKETS]; /* first counts, then places; 0 between calls */
};

/* Cuts a burst into order->runs; returns their number. 0 < n <= BURST_PKTS. Valid until the next
 * call. */
unsigned order_by_group(struct order *order, const struct crypto_op ops[], unsigned n);

/*
 * The indexes of an uneven run, longest first. Lanes that run side by side then finish side by
 * side, and what is left to run with empty lanes at the end is short: IMIX gains a quarter. Not
 * worth it for a run that is even, which is why runs say. Valid until the next call.
 */
const uint8_t *
order_by_length(struct order *order, const struct crypto_op ops[], const struct order_run *run);
