/* SPDX-License-Identifier: BSD-3-Clause */
#include "peers.h"

#include <stdatomic.h>

#include <rte_malloc.h>

#include "flow_hash.h"

struct peers *
peers_create(void)
{
	return rte_zmalloc("peers", sizeof(struct peers), 0);
}

void
peers_destroy(struct peers *peers)
{
	rte_free(peers);
}

static unsigned
place_of(uint32_t address)
{
	return flow_hash(0, address, 0, 0, 0) % PEERS_PLACES;
}

void
peers_add(struct peers *peers, uint32_t address)
{
	atomic_store_explicit(&peers->place[place_of(address)], address, memory_order_relaxed);
}

bool
peers_know(const struct peers *peers, uint32_t address)
{
	return address != 0 &&
		atomic_load_explicit(&peers->place[place_of(address)], memory_order_relaxed) ==
		address;
}
