/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "flow_hash.h"
#include "token_bucket.h"

/*
 * What keeps one address from using up an allowance that is everybody's: a small one for each, in
 * front of the common one. There is a place for some hundred addresses; one that finds another's in
 * its own takes it over, with a full allowance. So nobody is ever held back for somebody else (two
 * that share a place are hardly held back at all), and who comes by many addresses meets the common
 * allowance. One writer.
 */

#define FAIR_SHARE_PLACES 256

struct fair_share {
	uint64_t interval_tsc; /* as of a token bucket */
	uint64_t burst;
	struct {
		uint64_t full_tsc;
		uint32_t address;
	} place[FAIR_SHARE_PLACES];
};

static inline bool
fair_share_take(struct fair_share *share, uint32_t address, uint64_t now_tsc)
{
	unsigned at = flow_hash(0, address, 0, 0, 0) % FAIR_SHARE_PLACES;
	struct token_bucket bucket = { share->interval_tsc, share->burst, 0 };

	if (share->place[at].address == address)
		bucket.full_tsc = share->place[at].full_tsc;
	if (!token_bucket_take(&bucket, now_tsc))
		return false;
	share->place[at].address = address;
	share->place[at].full_tsc = bucket.full_tsc;
	return true;
}
