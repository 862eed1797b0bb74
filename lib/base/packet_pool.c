/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet_pool.h"

#include <errno.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>

static void
free_memory(struct rte_mempool_memhdr *chunk, void *memory)
{
	(void)chunk;
	rte_free(memory);
}

/* All buffers in one piece of memory. */
static int
fill(struct rte_mempool *pool)
{
	size_t bytes =
		(size_t)pool->size * (pool->header_size + pool->elt_size + pool->trailer_size);
	void *memory = rte_malloc_socket(pool->name, bytes, RTE_MEMPOOL_ALIGN, pool->socket_id);
	int filled;

	if (memory == NULL)
		return -ENOMEM;
	filled = rte_mempool_populate_iova(
		pool, memory, (rte_iova_t)(uintptr_t)memory, bytes, free_memory, memory);
	if (filled <= 0)
		rte_free(memory);
	return filled < 0 ? filled : (uint32_t)filled == pool->size ? 0 : -ENOMEM;
}

/* NO_IOVA_CONTIG is what lets a buffer cross a page. */
static struct rte_mempool *
create_dense(const char *name, unsigned n, unsigned cache, uint16_t room)
{
	struct rte_pktmbuf_pool_private facts = { .mbuf_data_room_size = room };
	struct rte_mempool *pool = rte_mempool_create_empty(name, n, sizeof(struct rte_mbuf) + room,
		cache, sizeof(facts), (int)rte_socket_id(), RTE_MEMPOOL_F_NO_IOVA_CONTIG);
	int error;

	if (pool == NULL)
		return NULL;
	error = rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), NULL);
	if (error == 0) {
		rte_pktmbuf_pool_init(pool, &facts);
		error = fill(pool);
	}
	if (error != 0) {
		rte_mempool_free(pool);
		rte_errno = -error;
		return NULL;
	}
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return pool;
}

struct rte_mempool *
packet_pool_create(const char *name, unsigned n, unsigned cache, uint16_t room)
{
	if (!rte_eal_has_hugepages() && rte_eal_iova_mode() == RTE_IOVA_VA)
		return create_dense(name, n, cache, room);
	return rte_pktmbuf_pool_create(name, n, cache, 0, room, (int)rte_socket_id());
}
