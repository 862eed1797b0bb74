/* SPDX-License-Identifier: BSD-3-Clause */
#include "spi_index.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include <rte_malloc.h>

#include "compiler.h"
#include "fetch.h"
#include "publish.h"
#include "sa.h"
#include "sizes.h"

#define BITS_MIN 10

struct place {
	uint64_t name; /* SPI, destination; 0: never used, a chain ends here (an SPI is never 0) */
	struct sa *sa; /* NULL: taken away */
};

struct spi_index {
	/* const after publish */
	uint32_t bits;
	uint32_t mask;
	/* control only */
	uint32_t named; /* places that have a name */
	uint32_t live;  /* places that have an SA */
	CACHE_ALIGNED struct place places[];
};

static uint64_t
make_name(uint32_t spi, uint32_t destination)
{
	return (uint64_t)spi << 32 | destination;
}

/* The top bits of a multiplication by 2^64 / golden ratio. Our side chooses SPIs, so nobody outside
 * can aim at one chain. */
static uint32_t
home(const struct spi_index *index, uint64_t name)
{
	return (uint32_t)((name * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - index->bits));
}

static struct spi_index *
make(uint32_t bits)
{
	size_t places = (size_t)1 << bits;
	struct spi_index *index = rte_zmalloc(
		"spi_index", sizeof(*index) + places * sizeof(index->places[0]), CACHE_LINE_BYTES);

	if (index == NULL)
		return NULL;
	index->bits = bits;
	index->mask = (uint32_t)(places - 1);
	return index;
}

struct spi_index *
spi_index_create(void)
{
	return make(BITS_MIN);
}

void
spi_index_destroy(struct spi_index *index)
{
	rte_free(index);
}

static void
retire(void *object, void *context)
{
	(void)context;
	spi_index_destroy(object);
}

/* The place of that name, or the empty one where it belongs. Control only. */
static struct place *
find_place(struct spi_index *index, uint64_t name)
{
	uint32_t i = home(index, name);

	while (index->places[i].name != 0 && index->places[i].name != name)
		i = (i + 1) & index->mask;
	return &index->places[i];
}

static void
insert(struct spi_index *index, struct sa *sa)
{
	uint64_t name = make_name(sa->spi, sa->destination);
	struct place *place = find_place(index, name);

	publish_store(&place->sa, sa);
	index->live++;
	if (place->name == 0) {
		index->named++;
		/* Who sees the name sees the SA. */
		__atomic_store_n(&place->name, name, __ATOMIC_RELEASE);
	}
}

/* A table for all that lives in `old` and as much again, a quarter full at most. */
static struct spi_index *
rebuild(const struct spi_index *old)
{
	uint32_t bits = BITS_MIN;
	struct spi_index *index;

	while (((uint64_t)1 << bits) < 4 * ((uint64_t)old->live + 1))
		bits++;
	index = make(bits);
	for (uint32_t i = 0; index != NULL && i <= old->mask; i++)
		if (old->places[i].sa != NULL)
			insert(index, old->places[i].sa);
	return index;
}

int
spi_index_add(struct publisher *publisher, struct spi_index **index, struct sa *sa)
{
	if (2 * ((*index)->named + 1) > (*index)->mask + 1) {
		struct spi_index *larger = rebuild(*index);

		if (larger == NULL)
			return -ENOMEM;
		publish_swap(publisher, index, larger, retire, NULL);
	}
	insert(*index, sa);
	return 0;
}

void
spi_index_remove(struct spi_index *index, const struct sa *sa)
{
	struct place *place = find_place(index, make_name(sa->spi, sa->destination));

	assert(place->sa == sa);
	publish_store(&place->sa, NULL);
	index->live--;
}

static struct sa *
find(const struct spi_index *index, uint64_t name, uint32_t i)
{
	for (;; i = (i + 1) & index->mask) {
		const struct place *place = &index->places[i];
		uint64_t seen = __atomic_load_n(&place->name, __ATOMIC_ACQUIRE);

		/* The name of SPI 0 to 0.0.0.0 is that of an unused place, which has no SA. */
		if (likely(seen == name))
			return __atomic_load_n(&place->sa, __ATOMIC_ACQUIRE);
		if (seen == 0)
			return NULL;
	}
}

void
spi_index_lookup(const struct spi_index *index, const uint32_t spi[], const uint32_t destination[],
	struct sa *sa[], unsigned n)
{
	uint64_t names[BURST_PKTS];
	uint32_t homes[BURST_PKTS];

	for (unsigned i = 0; i < n; i++) {
		names[i] = make_name(spi[i], destination[i]);
		homes[i] = home(index, names[i]);
		fetch(&index->places[homes[i]]);
	}
	for (unsigned i = 0; i < n; i++)
		sa[i] = find(index, names[i], homes[i]);
}
