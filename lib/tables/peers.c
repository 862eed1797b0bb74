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

static uint32_t
row_of(uint32_t address)
{
	return flow_hash(0, address, 0, 0, 0) % PEERS_ROWS;
}

void
peers_add(struct peers *peers, uint32_t address)
{
	uint32_t row = row_of(address);
	unsigned place = peers->next[row] % PEERS_IN_A_ROW;

	if (peers_know(peers, address))
		return;
	atomic_store_explicit(&peers->row[row][place], address, memory_order_relaxed);
	peers->next[row]++;
}

bool
peers_know(const struct peers *peers, uint32_t address)
{
	const _Atomic uint32_t *row = peers->row[row_of(address)];

	for (unsigned i = 0; address != 0 && i < PEERS_IN_A_ROW; i++)
		if (atomic_load_explicit(&row[i], memory_order_relaxed) == address)
			return true;
	return false;
}
