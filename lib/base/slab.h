/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stddef.h>

/*
 * Memory for many small objects that come and go one by one: SAs, next hops, what belongs to them.
 * Like rte_zmalloc(), out of DPDK's memory on the caller's NUMA socket, but carved from pieces of
 * 64 KB that hold objects of one size: an object costs a constant time and no header (DPDK's heap
 * has 128 bytes for each, and walks lists of gaps that are too small), and what is freed is a place
 * for the next one of its size. A piece without objects goes back to DPDK.
 *
 * Objects are aligned to a cache line, all zeroes when they come, and wiped when they go, as keys
 * must be. Control only: it allocates and frees, workers read.
 */

struct slab;

/* NULL: out of memory. */
struct slab *slab_create(void);
/* NULL is fine. Objects that were not freed stay where they are, lest a leak be hidden. */
void slab_destroy(struct slab *slab);

/* `bytes` may be any number above 0; what is too large for a piece gets one of its own. The caller
 * gives it back with slab_free(). NULL: out of memory. */
void *slab_alloc(struct slab *slab, size_t bytes);
/* An object that no worker can reach any more, and of a slab that has not been destroyed. NULL is
 * fine. */
void slab_free(void *object);
/* Objects that were not freed yet. */
size_t slab_count(const struct slab *slab);
