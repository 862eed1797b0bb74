/* SPDX-License-Identifier: BSD-3-Clause */
#include "fib.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "compiler.h"
#include "publish.h"

/*
 * An entry: the id in the low bits, the prefix length above it. Or, with IN_GROUP, the number of a
 * group. Shifted right by FIB_ID_BITS, what names a group is above every length.
 */
#define ID_MASK ((1u << FIB_ID_BITS) - 1)
#define IN_GROUP (1u << 31)

#define ENTRIES (1u << 24)
#define GROUP_ENTRIES 256
#define STRETCH 4096 /* entries that are looked at again where some name groups */

struct side {
	uint32_t *entries; /* [ENTRIES] */
	uint32_t *groups;  /* [groups_max * GROUP_ENTRIES] */
};

struct fib {
	/* control writes, workers read */
	const struct side *active;
	/* control only */
	struct side sides[2];
	unsigned idle;
	/* Both sides see the same changes in the same order, so they use the same groups; but the
	 * idle one is a batch ahead. */
	struct {
		uint32_t n;
		uint32_t *groups; /* a stack */
	} free[2];
};

/* --- making --- */

static int
make_side(struct fib *fib, unsigned which, uint32_t groups)
{
	struct side *side = &fib->sides[which];

	side->entries = rte_zmalloc("fib", ENTRIES * sizeof(uint32_t), CACHE_LINE_BYTES);
	side->groups = rte_zmalloc(
		"fib_groups", (size_t)groups * GROUP_ENTRIES * sizeof(uint32_t), CACHE_LINE_BYTES);
	fib->free[which].groups = malloc(groups * sizeof(uint32_t));
	if (side->entries == NULL || side->groups == NULL || fib->free[which].groups == NULL)
		return -ENOMEM;
	for (uint32_t group = groups; group-- > 0;)
		fib->free[which].groups[fib->free[which].n++] = group;
	return 0;
}

struct fib *
fib_create(uint32_t groups)
{
	struct fib *fib = rte_zmalloc("fib", sizeof(*fib), CACHE_LINE_BYTES);

	if (fib == NULL || make_side(fib, 0, groups) < 0 || make_side(fib, 1, groups) < 0) {
		fib_destroy(fib);
		rte_errno = ENOMEM;
		return NULL;
	}
	publish_store(&fib->active, &fib->sides[0]);
	fib->idle = 1;
	return fib;
}

void
fib_destroy(struct fib *fib)
{
	if (fib == NULL)
		return;
	for (unsigned which = 0; which < 2; which++) {
		free(fib->free[which].groups);
		rte_free(fib->sides[which].groups);
		rte_free(fib->sides[which].entries);
	}
	rte_free(fib);
}

/* --- writing --- */

static uint32_t
encode(uint8_t bits, uint32_t nexthop)
{
	return (uint32_t)bits << FIB_ID_BITS | nexthop;
}

/* Which entries a change is for: those of prefixes of these lengths. */
struct lengths {
	uint32_t least, most;
};

/* Writes `value` over those of the lengths, and tells with IN_GROUP whether any names a group. Made
 * so that the compiler takes several at once: a default route goes over 16 million. */
static uint32_t
paint(uint32_t entries[], uint32_t n, struct lengths lengths, uint32_t value)
{
	uint32_t seen = 0, spread = lengths.most - lengths.least;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t entry = entries[i];

		seen |= entry;
		entries[i] = (entry >> FIB_ID_BITS) - lengths.least <= spread ? value : entry;
	}
	return seen & IN_GROUP;
}

static uint32_t *
group_at(const struct side *side, uint32_t entry)
{
	return &side->groups[(size_t)(entry & ~IN_GROUP) * GROUP_ENTRIES];
}

/* The same for all that a prefix covers. */
static void
paint_prefix(struct side *side, struct prefix prefix, struct lengths lengths, uint32_t value)
{
	uint32_t first = prefix.address >> 8;

	if (prefix.bits > 24) {
		uint32_t *group = group_at(side, side->entries[first]);

		paint(group + prefix.address % GROUP_ENTRIES, 1u << (32 - prefix.bits), lengths,
			value);
		return;
	}
	for (uint32_t rest = 1u << (24 - prefix.bits), n; rest > 0; rest -= n, first += n) {
		n = rest < STRETCH ? rest : STRETCH;
		if (paint(&side->entries[first], n, lengths, value) == 0)
			continue;
		for (uint32_t i = 0; i < n; i++)
			if ((side->entries[first + i] & IN_GROUP) != 0)
				paint(group_at(side, side->entries[first + i]), GROUP_ENTRIES,
					lengths, value);
	}
}

/* Gives a /24 a group of its own, if it has none. False: there is none left. */
static bool
split(struct fib *fib, uint32_t *entry)
{
	uint32_t *group;

	if ((*entry & IN_GROUP) != 0)
		return true;
	if (fib->free[fib->idle].n == 0)
		return false;
	uint32_t number = fib->free[fib->idle].groups[--fib->free[fib->idle].n];
	group = group_at(&fib->sides[fib->idle], number);
	for (unsigned i = 0; i < GROUP_ENTRIES; i++)
		group[i] = *entry;
	*entry = IN_GROUP | number;
	return true;
}

/* Takes its group from a /24 that needs it no more: all its entries come from the same route. */
static void
merge(struct fib *fib, uint32_t *entry)
{
	const uint32_t *group = group_at(&fib->sides[fib->idle], *entry);

	for (unsigned i = 0; i < GROUP_ENTRIES; i++)
		if (group[i] >> FIB_ID_BITS > 24)
			return;
	fib->free[fib->idle].groups[fib->free[fib->idle].n++] = *entry & ~IN_GROUP;
	*entry = group[0];
}

int
fib_set(struct fib *fib, struct prefix prefix, uint32_t nexthop)
{
	struct side *side = &fib->sides[fib->idle];

	if (prefix.bits > 24 && !split(fib, &side->entries[prefix.address >> 8]))
		return -ENOSPC;
	paint_prefix(
		side, prefix, (struct lengths) { 0, prefix.bits }, encode(prefix.bits, nexthop));
	return 0;
}

void
fib_delete(struct fib *fib, struct prefix prefix, struct fib_entry heir)
{
	struct side *side = &fib->sides[fib->idle];

	paint_prefix(side, prefix, (struct lengths) { prefix.bits, prefix.bits },
		encode(heir.bits, heir.nexthop));
	if (prefix.bits > 24)
		merge(fib, &side->entries[prefix.address >> 8]);
}

void
fib_turn(struct fib *fib, struct publisher *publisher)
{
	publish_swap(publisher, &fib->active, &fib->sides[fib->idle], NULL, NULL);
	fib->idle ^= 1;
	publish_synchronize(publisher);
}

void
fib_prefetch(const struct fib *fib, struct prefix prefix)
{
	__builtin_prefetch(&fib->sides[0].entries[prefix.address >> 8], 1);
	__builtin_prefetch(&fib->sides[1].entries[prefix.address >> 8], 1);
}

/* --- looking up --- */

void
fib_lookup(const struct fib *fib, const uint32_t addresses[], uint64_t nexthops[], unsigned n)
{
	const struct side *side = __atomic_load_n(&fib->active, __ATOMIC_ACQUIRE);
	const uint32_t *entries = side->entries;

	for (unsigned i = 0; i < n; i++) {
		uint32_t entry = entries[addresses[i] >> 8];

		if (unlikely((entry & IN_GROUP) != 0))
			entry = group_at(side, entry)[addresses[i] % GROUP_ENTRIES];
		nexthops[i] = entry & ID_MASK;
	}
}
