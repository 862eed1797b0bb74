/* SPDX-License-Identifier: BSD-3-Clause */
#include "order.h"

#include <string.h>

#define BUCKET_SHIFT_MIN 5 /* 32 bytes: two AES blocks, half a SHA-1 block */

_Static_assert(BURST_PKTS <= UINT8_MAX, "indexes and counts are bytes");

/* Most bursts are one group: their order is that of arrival, for which there is this list. */
#define INDEX_4(i) (i), (i) + 1, (i) + 2, (i) + 3
#define INDEX_16(i) INDEX_4(i), INDEX_4((i) + 4), INDEX_4((i) + 8), INDEX_4((i) + 12)
#define INDEX_64(i) INDEX_16(i), INDEX_16((i) + 16), INDEX_16((i) + 32), INDEX_16((i) + 48)
static const CACHE_ALIGNED uint8_t arrival[] = { INDEX_64(0), INDEX_64(64) };

_Static_assert(sizeof(arrival) == BURST_PKTS, "one index for each op of a burst");

/* Counting sort by group; a rare path, and stable as the common one is. */
static unsigned
split(struct order *order, const struct crypto_op ops[], unsigned n, unsigned length_bits)
{
	uint8_t count[ORDER_GROUPS_MAX] = { 0 };
	uint8_t next[ORDER_GROUPS_MAX];
	unsigned runs = 0;
	unsigned at = 0;

	for (unsigned i = 0; i < n; i++)
		count[ops[i].key->group]++;
	for (unsigned group = 0; group < ORDER_GROUPS_MAX; group++) {
		if (count[group] == 0)
			continue;
		order->runs[runs++] = (struct order_run) {
			.ops = &order->by_group[at],
			.n = count[group],
			.group = (uint8_t)group,
			.uneven = true, /* nobody looked */
			.length_bits = (uint16_t)length_bits,
		};
		next[group] = (uint8_t)at;
		at += count[group];
	}
	for (unsigned i = 0; i < n; i++)
		order->by_group[next[ops[i].key->group]++] = (uint8_t)i;
	return runs;
}

unsigned
order_by_group(struct order *order, const struct crypto_op ops[], unsigned n)
{
	const unsigned group = ops[0].key->group;
	const unsigned bytes = ops[0].bytes;
	unsigned mixed = 0;
	unsigned uneven = 0;

	for (unsigned i = 0; i < n; i++) {
		mixed |= ops[i].key->group ^ group;
		uneven |= ops[i].bytes ^ bytes;
	}
	if (unlikely(mixed))
		return split(order, ops, n, bytes | uneven);
	order->runs[0] = (struct order_run) {
		.ops = arrival,
		.n = (uint8_t)n,
		.group = (uint8_t)group,
		.uneven = uneven != 0,
		.length_bits = (uint16_t)(bytes | uneven),
	};
	return 1;
}

/*
 * Counting sort by buckets as narrow as the longest packet allows. Neighbours count in different
 * rows: traffic has few lengths, and increments of one counter have to wait for each other.
 */
const uint8_t *
order_by_length(struct order *order, const struct crypto_op ops[], const struct order_run *run)
{
	const uint8_t *in = run->ops;
	const unsigned n = run->n;
	uint64_t used = 0;
	unsigned at = 0;
	unsigned shift = BUCKET_SHIFT_MIN;

	while (run->length_bits >> shift >= ORDER_BUCKETS)
		shift++;
	for (unsigned i = 0; i < n; i += ORDER_ROWS) {
		for (unsigned row = 0; row < ORDER_ROWS && i + row < n; row++) {
			unsigned bucket = ops[in[i + row]].bytes >> shift;

			order->bucket_of[i + row] = (uint8_t)bucket;
			order->next[row][bucket]++;
			used |= UINT64_C(1) << bucket;
		}
	}
	for (uint64_t left = used; left != 0;) {
		unsigned longest = 63 - (unsigned)__builtin_clzll(left);

		for (unsigned row = 0; row < ORDER_ROWS; row++) {
			unsigned count = order->next[row][longest];

			order->next[row][longest] = (uint8_t)at;
			at += count;
		}
		left ^= UINT64_C(1) << longest;
	}
	for (unsigned i = 0; i < n; i += ORDER_ROWS)
		for (unsigned row = 0; row < ORDER_ROWS && i + row < n; row++)
			order->by_length[order->next[row][order->bucket_of[i + row]]++] =
				in[i + row];
	for (; used != 0; used &= used - 1)
		for (unsigned row = 0; row < ORDER_ROWS; row++)
			order->next[row][__builtin_ctzll(used)] = 0;
	return order->by_length;
}
