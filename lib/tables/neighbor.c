/* SPDX-License-Identifier: BSD-3-Clause */
#include "neighbor.h"

#include <string.h>

#include <rte_malloc.h>

#include "compiler.h"
#include "publish.h"

/*
 * Neighbors are never taken away while the gateway runs, so the index is an open-addressing table
 * that only grows: a reader that follows a chain to its first empty place has seen all that was
 * published, and no grace period is needed.
 */
#define NEIGHBORS_MAX 65536
#define INDEX_BITS 17 /* at most half full */
#define INDEX_PLACES (1u << INDEX_BITS)

struct neighbor_table {
	uint32_t n;
	struct neighbor neighbors[NEIGHBORS_MAX]; /* in the order of their making */
	struct neighbor *index[INDEX_PLACES];
};

struct neighbor_table *
neighbor_table_create(void)
{
	return rte_zmalloc("neighbors", sizeof(struct neighbor_table), CACHE_LINE_BYTES);
}

void
neighbor_table_destroy(struct neighbor_table *table)
{
	rte_free(table);
}

/* Where the chain of a name begins: the top bits of a multiplication by 2^64 / golden ratio. */
static uint32_t
home(uint8_t port, uint32_t address)
{
	uint64_t name = (uint64_t)port << 32 | address;

	return (uint32_t)((name * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - INDEX_BITS));
}

/* The place of a neighbor, or the empty one where it belongs. */
static uint32_t
find_place(const struct neighbor_table *table, uint8_t port, uint32_t address)
{
	uint32_t place = home(port, address);

	for (;; place = (place + 1) & (INDEX_PLACES - 1)) {
		const struct neighbor *neighbor =
			__atomic_load_n(&table->index[place], __ATOMIC_ACQUIRE);

		if (neighbor == NULL || (neighbor->address == address && neighbor->port == port))
			return place;
	}
}

struct neighbor *
neighbor_get(struct neighbor_table *table, uint8_t port, uint32_t address)
{
	uint32_t place = find_place(table, port, address);
	struct neighbor *neighbor = table->index[place];

	if (neighbor != NULL)
		return neighbor;
	if (table->n == NEIGHBORS_MAX)
		return NULL;
	neighbor = &table->neighbors[table->n++];
	neighbor->address = address;
	neighbor->port = port;
	publish_store(&table->index[place], neighbor);
	return neighbor;
}

static uint64_t
word_of(const struct rte_ether_addr *mac)
{
	uint64_t word = 0;

	if (mac == NULL)
		return 0;
	memcpy(&word, mac->addr_bytes, sizeof(mac->addr_bytes));
	return word | NEIGHBOR_VALID;
}

void
neighbor_set(struct neighbor *neighbor, const struct rte_ether_addr *mac)
{
	neighbor->given = mac != NULL;
	neighbor->claim = (struct claim) { .owner = OWNER_NOBODY };
	__atomic_store_n(&neighbor->mac, word_of(mac), __ATOMIC_RELAXED);
}

bool
neighbor_learn(struct neighbor *neighbor, const struct rte_ether_addr *mac)
{
	uint64_t word = word_of(mac);

	if (neighbor->given || neighbor->mac == word)
		return false;
	neighbor->claim = (struct claim) { .owner = OWNER_NOBODY };
	__atomic_store_n(&neighbor->mac, word, __ATOMIC_RELAXED);
	return true;
}

bool
neighbor_mac(const struct neighbor *neighbor, struct rte_ether_addr *mac)
{
	uint64_t word = neighbor_read(neighbor);

	memcpy(mac->addr_bytes, &word, sizeof(mac->addr_bytes));
	return (word & NEIGHBOR_VALID) != 0;
}

const struct neighbor *
neighbor_next(const struct neighbor_table *table, uint32_t *cursor)
{
	return *cursor < table->n ? &table->neighbors[(*cursor)++] : NULL;
}

const struct neighbor *
neighbor_lookup(const struct neighbor_table *table, uint8_t port, uint32_t address)
{
	return __atomic_load_n(&table->index[find_place(table, port, address)], __ATOMIC_ACQUIRE);
}
