/* SPDX-License-Identifier: BSD-3-Clause */

/* Next hops found by their ways, and which of several groups of the same ways suits a route. */

#include "nexthop_content.h"

#include <errno.h>

struct interned *
nexthop_content_find(const struct nexthop_table *table, const struct way ways[], unsigned n)
{
	struct interned *found;

	HASH_FIND(hh, table->by_content, ways, (size_t)n * sizeof(ways[0]), found);
	return found;
}

int
nexthop_content_add(struct nexthop_table *table, struct interned *entry)
{
	struct interned *first = nexthop_content_find(table, entry->ways, entry->n);

	if (first != NULL) {
		entry->next_variant = first->next_variant;
		first->next_variant = entry;
		return 0;
	}
	HASH_ADD(hh, table->by_content, ways, (unsigned)(entry->n * sizeof(entry->ways[0])), entry);
	return entry->hh.tbl == NULL ? -ENOMEM : 0;
}

void
nexthop_content_remove(struct nexthop_table *table, struct interned *entry)
{
	struct interned *first = nexthop_content_find(table, entry->ways, entry->n);
	struct interned *next = entry->next_variant;

	if (first != entry) {
		while (first != NULL && first->next_variant != entry)
			first = first->next_variant;
		if (first != NULL)
			first->next_variant = next;
		return;
	}
	HASH_DEL(table->by_content, entry);
	if (next != NULL)
		/* Without memory it is found no more, and lives as long as its routes. */
		HASH_ADD(hh, table->by_content, ways, (unsigned)(next->n * sizeof(next->ways[0])),
			next);
}

/* --- variants --- */

#define VARIANTS_MAX 16

static const struct ecmp_table *
buckets_of(const struct nexthop_table *table, const struct interned *entry)
{
	return table->slots->slot[entry->id]->group;
}

/* How many flows move where one set of buckets takes the place of another. */
static unsigned
cost(const struct ecmp_table *from, const struct ecmp_table *to)
{
	unsigned moved = 0;

	for (unsigned b = 0; b < ECMP_BUCKETS; b++)
		moved += from->members[from->active[b]].id != to->members[to->active[b]].id;
	return moved;
}

/* The variant whose buckets suit a route that had `from`'s; NULL: one has to be made. */
static struct interned *
cheapest(const struct nexthop_table *table, struct interned *first, const struct interned *from)
{
	const struct ecmp_table *previous = buckets_of(table, from);
	const struct ecmp_table *any = buckets_of(table, first);
	struct interned *best = NULL;
	struct ecmp_table fresh;
	unsigned least = 0, n = 0;

	for (struct interned *variant = first; variant != NULL; variant = variant->next_variant) {
		unsigned moved = cost(previous, buckets_of(table, variant));

		if (best == NULL || moved < least) {
			best = variant;
			least = moved;
		}
		n++;
	}
	ecmp_build(&fresh, any->members, any->n_members, previous);
	return least <= cost(previous, &fresh) || n >= VARIANTS_MAX ? best : NULL;
}

static bool
is_variant(const struct interned *first, uint32_t id)
{
	for (; first != NULL; first = first->next_variant)
		if (first->id == id)
			return true;
	return false;
}

struct interned *
nexthop_content_choose(
	const struct nexthop_table *table, struct interned *first, struct interned *from)
{
	if (is_variant(first, from->id))
		return from;
	if (from->heir_epoch == table->epoch && is_variant(first, from->heir))
		return table->by_id[from->heir];
	return cheapest(table, first, from);
}

void
nexthop_content_remember(
	const struct nexthop_table *table, struct interned *from, const struct interned *heir)
{
	from->heir = heir->id;
	from->heir_epoch = table->epoch;
}
