/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

struct rte_mempool;

/*
 * A pool of `n` packet buffers (mbufs) with `room` bytes of data each, headroom included, and a
 * cache of `cache` buffers for every lcore; on the caller's NUMA socket. NULL with rte_errno set:
 * ENOMEM, EINVAL for a cache that is too large for the pool, EEXIST for a name that is taken. Freed
 * with rte_mempool_free(). Any thread, after EAL is there; once at start.
 *
 * Like rte_pktmbuf_pool_create(), but for EAL's --no-huge. There DPDK begins each buffer on a page
 * of its own, lest one cross into a page that is elsewhere for a device. Then the headers of all
 * packets of a burst compete for one set of the first-level cache and 32 of the second, and so do
 * their data: a fifth of the gateway's cycles. But without hugepages devices see virtual addresses
 * (IOVA as VA), where no such border is, so the buffers stand close together here.
 */
struct rte_mempool *packet_pool_create(const char *name, unsigned n, unsigned cache, uint16_t room);
