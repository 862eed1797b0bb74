/* SPDX-License-Identifier: BSD-3-Clause */
#include "rib.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "sizes.h"

struct slot {
	struct route route;
	bool used;
	uint32_t next_free; /* slot + 1; 0 ends the list */
};

/*
 * The hash has open addressing and is at most half full. A place is one word that holds the whole
 * name, so that a search touches no slot but the one that it finds: address, length, slot + 1.
 */
#define SLOT_BITS 26
#define SLOT_MASK ((1u << SLOT_BITS) - 1)
#define NAME_SHIFT SLOT_BITS

static_assert(ROUTES_MAX <= SLOT_MASK, "a place holds any slot + 1");

struct rib {
	uint32_t routes_max;
	uint32_t n_fresh;    /* slots below were in use before */
	uint32_t first_free; /* slot + 1 */
	uint32_t count;
	uint32_t of_length[33];
	uint64_t lengths; /* bit n: there are routes of n bits */
	unsigned place_bits;
	uint64_t *places;
	struct slot *slots;
};

struct rib *
rib_create(uint32_t routes_max)
{
	struct rib *rib = calloc(1, sizeof(*rib));

	assert(routes_max <= ROUTES_MAX);
	if (rib == NULL)
		return NULL;
	rib->routes_max = routes_max;
	for (rib->place_bits = 8; UINT64_C(1) << rib->place_bits < 2 * (uint64_t)routes_max;)
		rib->place_bits++;
	rib->places = calloc(UINT64_C(1) << rib->place_bits, sizeof(rib->places[0]));
	rib->slots = calloc(routes_max, sizeof(rib->slots[0]));
	if (rib->places != NULL && rib->slots != NULL)
		return rib;
	rib_destroy(rib);
	return NULL;
}

void
rib_destroy(struct rib *rib)
{
	if (rib == NULL)
		return;
	free(rib->slots);
	free(rib->places);
	free(rib);
}

/* --- the hash --- */

static uint64_t
name_of(struct prefix prefix)
{
	return (uint64_t)prefix.address << 6 | prefix.bits;
}

/* Where the search for a name begins: the top bits of a multiplication by 2^64 / golden ratio. */
static uint64_t
home(const struct rib *rib, uint64_t name)
{
	return name * UINT64_C(0x9e3779b97f4a7c15) >> (64 - rib->place_bits);
}

/* The place of a name, or the empty one where it belongs. */
static uint64_t
find_place(const struct rib *rib, uint64_t name)
{
	uint64_t mask = (UINT64_C(1) << rib->place_bits) - 1;
	uint64_t place = home(rib, name);

	while (rib->places[place] != 0 && rib->places[place] >> NAME_SHIFT != name)
		place = (place + 1) & mask;
	return place;
}

/* Empties a place and lets those behind it move up, so that no search ends too early. */
static void
empty_place(struct rib *rib, uint64_t hole)
{
	uint64_t mask = (UINT64_C(1) << rib->place_bits) - 1;

	for (uint64_t at = (hole + 1) & mask; rib->places[at] != 0; at = (at + 1) & mask) {
		uint64_t from_home = (at - home(rib, rib->places[at] >> NAME_SHIFT)) & mask;

		if (from_home < ((at - hole) & mask))
			continue;
		rib->places[hole] = rib->places[at];
		hole = at;
	}
	rib->places[hole] = 0;
}

void
rib_prefetch(const struct rib *rib, struct prefix prefix)
{
	__builtin_prefetch(&rib->places[home(rib, name_of(prefix))]);
}

/* --- routes --- */

struct route *
rib_find(const struct rib *rib, struct prefix prefix)
{
	uint32_t slot = (uint32_t)rib->places[find_place(rib, name_of(prefix))] & SLOT_MASK;

	return slot == 0 ? NULL : &rib->slots[slot - 1].route;
}

struct route *
rib_insert(struct rib *rib, struct prefix prefix)
{
	uint64_t name = name_of(prefix);
	struct slot *slot;

	if (rib->first_free != 0) {
		slot = &rib->slots[rib->first_free - 1];
		rib->first_free = slot->next_free;
	} else if (rib->n_fresh < rib->routes_max) {
		slot = &rib->slots[rib->n_fresh++];
	} else {
		return NULL;
	}
	*slot = (struct slot) { .route.prefix = prefix, .used = true };
	rib->places[find_place(rib, name)] = name << NAME_SHIFT | (uint32_t)(slot - rib->slots + 1);
	rib->lengths |= UINT64_C(1) << prefix.bits;
	rib->of_length[prefix.bits]++;
	rib->count++;
	return &slot->route;
}

void
rib_remove(struct rib *rib, struct route *route)
{
	struct slot *slot = (struct slot *)route; /* its first member */
	uint8_t bits = route->prefix.bits;

	empty_place(rib, find_place(rib, name_of(route->prefix)));
	if (--rib->of_length[bits] == 0)
		rib->lengths &= ~(UINT64_C(1) << bits);
	rib->count--;
	slot->used = false;
	slot->next_free = rib->first_free;
	rib->first_free = (uint32_t)(slot - rib->slots) + 1;
}

static struct prefix
around(uint32_t address, uint8_t bits)
{
	return (struct prefix) { address & prefix_mask(bits), bits };
}

/* Takes the longest of a set of lengths out of it. */
static uint8_t
take_longest(uint64_t *lengths)
{
	uint8_t bits = (uint8_t)(63 - __builtin_clzll(*lengths));

	*lengths &= ~(UINT64_C(1) << bits);
	return bits;
}

const struct route *
rib_match(const struct rib *rib, uint32_t address, uint8_t below)
{
	uint64_t lengths = rib->lengths & ((UINT64_C(1) << below) - 1);

	/* The places of all lengths at once: most of them are in no cache. */
	for (uint64_t rest = lengths; rest != 0;)
		rib_prefetch(rib, around(address, take_longest(&rest)));
	while (lengths != 0) {
		const struct route *route = rib_find(rib, around(address, take_longest(&lengths)));

		if (route != NULL)
			return route;
	}
	return NULL;
}

struct route *
rib_next(const struct rib *rib, uint32_t *cursor)
{
	while (*cursor < rib->n_fresh) {
		struct slot *slot = &rib->slots[(*cursor)++];

		if (slot->used)
			return &slot->route;
	}
	return NULL;
}

uint32_t
rib_count(const struct rib *rib)
{
	return rib->count;
}
