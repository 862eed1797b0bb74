/* SPDX-License-Identifier: BSD-3-Clause */
#include "neighbor.h"

#include <string.h>

#include <rte_malloc.h>

#include "compiler.h"
#include "publish.h"

#define INDEX_BITS 16
#define INDEX_PLACES (1u << INDEX_BITS)

/*
 * The index is a table of chains. A new neighbor is put in front of its chain; one that goes is
 * taken out of it, keeps its own `next` for readers that stand on it, and is used again only after
 * a grace period.
 */
struct neighbor_table {
	struct publisher *publisher;
	uint32_t n;            /* places that were ever used */
	struct neighbor *free; /* of these, the ones that are free; by `next` */
	struct neighbor *index[INDEX_PLACES];
	struct neighbor neighbors[NEIGHBORS_MAX];
};

struct neighbor_table *
neighbor_table_create(struct publisher *publisher)
{
	struct neighbor_table *table = rte_zmalloc("neighbors", sizeof(*table), CACHE_LINE_BYTES);

	if (table != NULL)
		table->publisher = publisher;
	return table;
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

static bool
is_used(const struct neighbor *neighbor)
{
	return neighbor->mac != 0 || neighbor->holders > 0;
}

static void
unlink_unused(struct neighbor **link)
{
	while (*link != NULL) {
		struct neighbor *neighbor = *link;

		if (is_used(neighbor)) {
			link = &neighbor->next;
		} else {
			publish_store(link, neighbor->next);
			neighbor->linked = false;
		}
	}
}

/* Every place is taken: those come free whose neighbors nobody uses. */
static void
reclaim(struct neighbor_table *table)
{
	for (uint32_t place = 0; place < INDEX_PLACES; place++)
		unlink_unused(&table->index[place]);
	publish_synchronize(table->publisher);
	for (uint32_t i = 0; i < table->n; i++) {
		struct neighbor *neighbor = &table->neighbors[i];

		if (!neighbor->linked) {
			neighbor->next = table->free;
			table->free = neighbor;
		}
	}
}

static struct neighbor *
take_place(struct neighbor_table *table)
{
	if (table->free == NULL && table->n < NEIGHBORS_MAX)
		return &table->neighbors[table->n++];
	if (table->free == NULL)
		reclaim(table);
	struct neighbor *neighbor = table->free;
	if (neighbor != NULL)
		table->free = neighbor->next;
	return neighbor;
}

struct neighbor *
neighbor_get(struct neighbor_table *table, uint8_t port, uint32_t address)
{
	struct neighbor *neighbor =
		(struct neighbor *)(uintptr_t)neighbor_lookup(table, port, address);

	if (neighbor != NULL)
		return neighbor;
	neighbor = take_place(table);
	if (neighbor == NULL)
		return NULL;
	struct neighbor **front = &table->index[home(port, address)];
	*neighbor = (struct neighbor) {
		.address = address, .port = port, .linked = true, .next = *front
	};
	publish_store(front, neighbor);
	return neighbor;
}

/* Who sends through a neighbor does not change it; that it is counted here is no business of his.
 */
void
neighbor_hold(const struct neighbor *neighbor)
{
	if (neighbor != NULL)
		((struct neighbor *)(uintptr_t)neighbor)->holders++;
}

void
neighbor_release(const struct neighbor *neighbor)
{
	if (neighbor != NULL)
		((struct neighbor *)(uintptr_t)neighbor)->holders--;
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
	while (*cursor < table->n) {
		const struct neighbor *neighbor = &table->neighbors[(*cursor)++];

		if (neighbor->linked && is_used(neighbor))
			return neighbor;
	}
	return NULL;
}

const struct neighbor *
neighbor_lookup(const struct neighbor_table *table, uint8_t port, uint32_t address)
{
	const struct neighbor *neighbor =
		__atomic_load_n(&table->index[home(port, address)], __ATOMIC_ACQUIRE);

	while (neighbor != NULL && (neighbor->address != address || neighbor->port != port))
		neighbor = __atomic_load_n(&neighbor->next, __ATOMIC_ACQUIRE);
	return neighbor;
}
