/* SPDX-License-Identifier: BSD-3-Clause */
#include "route_batch.h"

#include <assert.h>
#include <string.h>

/* The place of a prefix, or the empty one where it belongs. */
static unsigned
find_place(const struct route_batch *batch, struct prefix prefix)
{
	uint64_t name = (uint64_t)prefix.bits << 32 | prefix.address;
	unsigned place = (unsigned)((name * UINT64_C(0x9e3779b97f4a7c15)) >> 32);

	for (;; place++) {
		place &= ROUTE_BATCH_PLACES - 1;
		if (batch->places[place] == 0)
			return place;
		struct prefix there = batch->changes[batch->places[place] - 1].route.prefix;
		if (there.address == prefix.address && there.bits == prefix.bits)
			return place;
	}
}

const struct route_change *
route_batch_find(const struct route_batch *batch, struct prefix prefix)
{
	uint16_t at = batch->places[find_place(batch, prefix)];

	return at == 0 ? NULL : &batch->changes[at - 1];
}

void
route_batch_add(struct route_batch *batch, const struct route_change *change,
	const struct netlink_message *request)
{
	unsigned place = find_place(batch, change->route.prefix);

	assert(batch->n < ROUTE_BATCH_MAX);
	batch->changes[batch->n] = *change;
	batch->requests[batch->n] = *request;
	batch->places[place] = (uint16_t)(++batch->n);
}

const struct netlink_message *
route_batch_request(const struct route_batch *batch, const struct route_change *change)
{
	if (change < batch->changes || change >= batch->changes + batch->n)
		return NULL;
	return &batch->requests[change - batch->changes];
}

void
route_batch_clear(struct route_batch *batch)
{
	if (batch->n == 0)
		return;
	batch->n = 0;
	memset(batch->places, 0, sizeof(batch->places));
}
