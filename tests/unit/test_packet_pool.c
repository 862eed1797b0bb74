/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "packet_pool.h"

/* Without hugepages, as all unit tests run: the pool that is laid out by hand. */

#define PKTS 511
#define ROOM RTE_MBUF_DEFAULT_BUF_SIZE
#define CACHE_SETS 64 /* of a first-level cache: its ways are a page each */

static struct rte_mbuf *pkts[PKTS];

static unsigned
allocations(void)
{
	struct rte_malloc_socket_stats stats;

	assert_int_equal(rte_malloc_get_socket_stats((int)rte_socket_id(), &stats), 0);
	return stats.alloc_count;
}

/* Every buffer can be had, is whole, knows its place, and shares no byte with another. */
static void
test_buffers(void **state)
{
	struct rte_mempool *pool = packet_pool_create("buffers", PKTS, 0, ROOM);

	(void)state;
	assert_non_null(pool);
	assert_int_equal(rte_pktmbuf_data_room_size(pool), ROOM);
	for (unsigned i = 0; i < PKTS; i++) {
		pkts[i] = rte_pktmbuf_alloc(pool);
		assert_non_null(pkts[i]);
		assert_int_equal(pkts[i]->buf_len, ROOM);
		assert_int_equal(rte_pktmbuf_headroom(pkts[i]), RTE_PKTMBUF_HEADROOM);
		/* What a device would be told. */
		assert_int_equal(rte_mbuf_iova_get(pkts[i]), (uintptr_t)pkts[i]->buf_addr);
		memset(pkts[i]->buf_addr, (int)i, ROOM);
	}
	assert_null(rte_pktmbuf_alloc(pool));
	for (unsigned i = 0; i < PKTS; i++) {
		const uint8_t *bytes = pkts[i]->buf_addr;

		assert_int_equal(bytes[0], (uint8_t)i);
		assert_int_equal(bytes[ROOM - 1], (uint8_t)i);
		assert_ptr_equal(pkts[i]->pool, pool);
	}
	rte_pktmbuf_free_bulk(pkts, PKTS);
	assert_int_equal(rte_mempool_avail_count(pool), PKTS);
	rte_mempool_free(pool);
}

/* The headers of a burst lie in all sets of the cache alike: that is what the pool is for. */
static void
test_spread(void **state)
{
	struct rte_mempool *pool = packet_pool_create("spread", PKTS, 0, ROOM);
	unsigned in_set[CACHE_SETS] = { 0 };

	(void)state;
	assert_non_null(pool);
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, pkts, 128), 0);
	for (unsigned i = 0; i < 128; i++)
		in_set[(uintptr_t)pkts[i] / RTE_CACHE_LINE_SIZE % CACHE_SETS]++;
	for (unsigned set = 0; set < CACHE_SETS; set++)
		assert_int_equal(in_set[set], 128 / CACHE_SETS);
	rte_pktmbuf_free_bulk(pkts, 128);
	rte_mempool_free(pool);
}

/* Its memory goes with it; a pool that cannot be leaves nothing. */
static void
test_memory(void **state)
{
	unsigned before = allocations();
	struct rte_mempool *pool = packet_pool_create("memory", PKTS, 0, ROOM);

	(void)state;
	assert_non_null(pool);
	assert_null(packet_pool_create("memory", PKTS, 0, ROOM));
	assert_int_equal(rte_errno, EEXIST);
	rte_mempool_free(pool);
	assert_null(packet_pool_create("huge", 1u << 20, 0, ROOM));
	assert_int_equal(rte_errno, ENOMEM);
	assert_int_equal(allocations(), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buffers),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, fixture_start_dpdk, fixture_stop_dpdk);
}
