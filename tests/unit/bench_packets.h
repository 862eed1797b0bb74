/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "xfrm_bench.h"

#include <rte_mbuf.h>

/* Packets for the tests on a bench, and the proof that none of them loses one or leaves it behind.
 */

#define POOL_PKTS 2047

static struct rte_mempool *pool;

static int
pool_start(void **state)
{
	bench_start(state);
	pool = rte_pktmbuf_pool_create("pool", POOL_PKTS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	assert_non_null(pool);
	return 0;
}

static int
pool_teardown(void **state)
{
	bench_teardown(state);
	assert_int_equal(rte_mempool_avail_count(pool), POOL_PKTS);
	return 0;
}
