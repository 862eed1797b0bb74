/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#include "claim.h"

/*
 * Neighbors: who has which link-layer address behind a port. A neighbor object exists from the
 * first time somebody names it and does not move; its MAC is one 64-bit word, so a change is one
 * store and no reader sees half of it. One that is unresolved and that nobody holds is not listed
 * any more, and makes room for another when the table is full.
 */

struct neighbor {
	/* const after publish */
	uint32_t address; /* host order */
	uint8_t port;     /* index into gateway ports */
	/* control only */
	bool given;  /* by configuration or message, and not to be unlearned */
	bool linked; /* in the index; else its place is free */
	struct claim claim;
	uint32_t holders; /* next hops and tunnels that send through it */
	/* control writes, workers read: the MAC in the low six bytes as it stands in memory,
	 * NEIGHBOR_VALID above; 0: unresolved */
	uint64_t mac;
	struct neighbor *next; /* with the same hash */
};

#define NEIGHBOR_VALID (UINT64_C(1) << 63)

#define NEIGHBORS_MAX 65536

struct neighbor_table;
struct publisher;

/* Control, at start and end. `publisher` stays the caller's. NULL: out of memory. */
struct neighbor_table *neighbor_table_create(struct publisher *publisher);
void neighbor_table_destroy(struct neighbor_table *table);

/* The neighbor of that name, made unresolved if new. Valid until the next call, and as long as it
 * is resolved or held. Where the table is full, those that are neither go, after a grace period.
 * Control only. NULL: all NEIGHBORS_MAX are in use. */
struct neighbor *neighbor_get(struct neighbor_table *table, uint8_t port, uint32_t address);
/* Whoever keeps a pointer to it holds it meanwhile. NULL is fine. Control only. */
void neighbor_hold(const struct neighbor *neighbor);
void neighbor_release(const struct neighbor *neighbor);
/* Sets or, with NULL, forgets its MAC: by order of configuration or a message. Nobody's then, if
 * the caller does not claim it. Control only. */
void neighbor_set(struct neighbor *neighbor, const struct rte_ether_addr *mac);
/* The same for what was heard on the link. False, and nothing done, where that is no news or the
 * MAC was given by order. Control only. */
bool neighbor_learn(struct neighbor *neighbor, const struct rte_ether_addr *mac);
/* Copies its MAC; false when unresolved. Control only. */
bool neighbor_mac(const struct neighbor *neighbor, struct rte_ether_addr *mac);
/* Walks all that are in use: the next from place `cursor` on, which moves behind it; NULL at the
 * end. New ones made meanwhile may or may not be seen. Control only. */
const struct neighbor *neighbor_next(const struct neighbor_table *table, uint32_t *cursor);

/* The neighbor of a directly attached destination, or NULL. Worker, within its online time;
 * lock-free. */
const struct neighbor *
neighbor_lookup(const struct neighbor_table *table, uint8_t port, uint32_t address);

/* The MAC word; 0 when unresolved. Worker. */
static inline uint64_t
neighbor_read(const struct neighbor *neighbor)
{
	return __atomic_load_n(&neighbor->mac, __ATOMIC_RELAXED);
}
