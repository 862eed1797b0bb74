/* SPDX-License-Identifier: BSD-3-Clause */
#include "nexthop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_malloc.h>

#include "compiler.h"
#include "drops.h"
#include "gateway.h"
#include "log.h"
#include "neighbor.h"
#include "nexthop_content.h"
#include "publish.h"
#include "slab.h"
#include "tunnel.h"

static_assert(sizeof(struct nexthop) == 16, "a group of three is one cache line");

static const struct nexthop no_route = { .kind = NEXTHOP_DROP, .reason = DROP_no_route };

struct nexthop_table *
nexthop_table_create(void)
{
	/* Mostly untouched zero pages. */
	struct nexthop_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	table->slots = rte_zmalloc("nexthops", sizeof(*table->slots), CACHE_LINE_BYTES);
	if (table->slots == NULL) {
		free(table);
		return NULL;
	}
	publish_store(&table->slots->slot[NEXTHOP_NONE], &no_route);
	table->n_fresh = NEXTHOP_NONE + 1;
	return table;
}

const struct nexthop_slots *
nexthop_slots(const struct nexthop_table *table)
{
	return table->slots;
}

static void
free_object(void *object, void *context)
{
	(void)context;
	slab_free(object);
}

/* Frees a next hop that nobody refers to and no worker can reach, and what it held. */
static void
discard(struct nexthop_table *table, struct interned *entry)
{
	const struct nexthop *hop = table->slots->slot[entry->id];

	if (hop != NULL && hop->kind == NEXTHOP_GROUP) {
		const struct ecmp_table *members = hop->group;

		for (unsigned i = 0; i < members->n_members; i++) {
			struct interned *leaf = table->by_id[members->members[i].id];

			/* Who could have found the leaf in the group is gone with the group. */
			if (--leaf->references == 0) {
				nexthop_content_remove(table, leaf);
				discard(table, leaf);
			}
		}
	}
	if (hop != NULL && hop->kind == NEXTHOP_GATEWAY)
		neighbor_release(hop->neighbor);
	table->epoch++;
	free_object((void *)(uintptr_t)hop, NULL);
	publish_store(&table->slots->slot[entry->id], NULL);
	table->by_id[entry->id] = NULL;
	table->free_ids[table->n_free++] = entry->id;
	free(entry->memberships);
	free(entry);
}

static void
retire(void *object, void *context)
{
	discard(context, object);
}

void
nexthop_table_destroy(struct nexthop_table *table)
{
	if (table == NULL)
		return;
	HASH_CLEAR(hh, table->by_content);
	for (uint32_t id = 0; id < table->n_fresh; id++) {
		if (table->by_id[id] == NULL)
			continue;
		free_object((void *)(uintptr_t)table->slots->slot[id], NULL);
		free(table->by_id[id]->memberships);
		free(table->by_id[id]);
	}
	rte_free(table->slots);
	free(table);
}

/* The members' state as it is now, in the order of the ways. */
static void
look_at_members(
	const struct gateway *gw, const struct interned *entry, struct ecmp_member members[])
{
	for (unsigned i = 0; i < entry->n; i++) {
		struct nexthop_spec spec = way_decode(entry->ways[i]);

		members[i].up = way_usable(gw, &spec);
	}
}

/* How many members serve its buckets in turn, as nearly all groups' do that are whole and have
 * members of equal weight; 0: not so. */
static uint8_t
turns(const struct ecmp_table *table)
{
	if (table->n_members < 2)
		return 0;
	for (unsigned bucket = 0; bucket < ECMP_BUCKETS; bucket++)
		if (table->active[bucket] != bucket % table->n_members)
			return 0;
	return (uint8_t)table->n_members;
}

/* One allocation: the group, its leaves, its table. */
static const struct nexthop *
make_group(const struct gateway *gw, const struct ecmp_member members[], unsigned n,
	const struct ecmp_table *previous)
{
	size_t hops_bytes = RTE_ALIGN((1 + n) * sizeof(struct nexthop), CACHE_LINE_BYTES);
	struct nexthop *made = slab_alloc(gw->slab, hops_bytes + sizeof(struct ecmp_table));
	struct ecmp_table *table = (struct ecmp_table *)((uint8_t *)made + hops_bytes);

	if (made == NULL)
		return NULL;
	made->kind = NEXTHOP_GROUP;
	made->group = table;
	for (unsigned i = 0; i < n; i++)
		made[1 + i] = *nexthop_read(gw->nexthops->slots, members[i].id);
	ecmp_build(table, members, n, previous);
	made->turns = turns(table);
	if (made->turns > 0)
		made->turn = (uint16_t)((UINT16_MAX + made->turns) / made->turns);
	return made;
}

/* A group of an entry whose leaves are made here; each takes a reference. */
static int
fill_group(struct gateway *gw, struct interned *entry, const struct ecmp_table *previous,
	const struct nexthop **made)
{
	struct ecmp_member members[GROUP_MEMBERS_MAX];
	unsigned n = 0;
	int result = -ENOMEM;

	entry->memberships = calloc(entry->n, sizeof(*entry->memberships));
	if (entry->memberships == NULL)
		return -ENOMEM;
	for (; n < entry->n; n++) {
		struct nexthop_spec leaf = way_decode(entry->ways[n]);

		leaf.weight = 1;
		result = nexthop_acquire(gw, &leaf, 1, NEXTHOP_NONE);
		if (result < 0)
			goto release_leaves;
		members[n].id = (uint32_t)result;
		members[n].weight = (uint16_t)entry->ways[n].weight;
		members[n].name = entry->ways[n].what;
	}
	look_at_members(gw, entry, members);
	*made = make_group(gw, members, entry->n, previous);
	if (*made == NULL) {
		result = -ENOMEM;
		goto release_leaves;
	}
	for (unsigned i = 0; i < entry->n; i++) {
		struct nexthop_spec spec = way_decode(entry->ways[i]);
		struct membership *membership = &entry->memberships[i];

		membership->group = entry;
		if (spec.kind == NEXTHOP_TUNNEL)
			LIST_INSERT_HEAD(&gw->nexthops->by_tunnel[spec.tunnel], membership, link);
	}
	return 0;

release_leaves:
	while (n > 0)
		nexthop_release(gw, members[--n].id);
	return result;
}

static int
fill_leaf(struct gateway *gw, struct way way, const struct nexthop **made)
{
	struct nexthop_spec spec = way_decode(way);
	struct neighbor *neighbor = NULL;
	struct nexthop *hop;

	if (spec.kind == NEXTHOP_GATEWAY) {
		neighbor = neighbor_get(gw->neighbors, spec.port, spec.gateway);
		if (neighbor == NULL)
			return -ENOSPC;
	}
	hop = slab_alloc(gw->slab, sizeof(*hop));
	if (hop == NULL)
		return -ENOMEM;
	hop->kind = spec.kind;
	hop->port = spec.port;
	hop->tunnel = spec.tunnel;
	hop->reason = spec.reason;
	hop->neighbor = neighbor;
	neighbor_hold(neighbor);
	*made = hop;
	return 0;
}

static int
take_id(struct nexthop_table *table)
{
	if (table->n_free > 0)
		return (int)table->free_ids[--table->n_free];
	if (table->n_fresh < NEXTHOPS_MAX)
		return (int)table->n_fresh++;
	return -ENOSPC;
}

/* The buckets to start from: those of a group that the same route had before. */
static const struct ecmp_table *
inherited(const struct nexthop_table *table, uint32_t id)
{
	const struct nexthop *hop = nexthop_read(table->slots, id);

	return hop != NULL && hop->kind == NEXTHOP_GROUP ? hop->group : NULL;
}

/* Makes and publishes the next hop of ways that nobody has yet. Returns its id or -errno. */
static int
intern(struct gateway *gw, const struct way ways[], unsigned n, uint32_t inherit)
{
	struct nexthop_table *table = gw->nexthops;
	struct interned *entry = calloc(1, sizeof(*entry) + n * sizeof(ways[0]));
	const struct nexthop *made;
	int result;

	if (entry == NULL)
		return -ENOMEM;
	entry->references = 1;
	entry->n = n;
	memcpy(entry->ways, ways, n * sizeof(ways[0]));
	result = take_id(table);
	if (result < 0)
		goto free_entry;
	entry->id = (uint32_t)result;
	result = nexthop_content_add(table, entry);
	if (result < 0)
		goto return_id;
	result = n == 1 ? fill_leaf(gw, ways[0], &made)
			: fill_group(gw, entry, inherited(table, inherit), &made);
	if (result < 0)
		goto forget_entry;
	table->by_id[entry->id] = entry;
	publish_store(&table->slots->slot[entry->id], made);
	return (int)entry->id;

forget_entry:
	nexthop_content_remove(table, entry);
return_id:
	table->free_ids[table->n_free++] = entry->id;
free_entry:
	free(entry->memberships);
	free(entry);
	return result;
}

int
nexthop_acquire(struct gateway *gw, const struct nexthop_spec specs[], unsigned n, uint32_t inherit)
{
	struct nexthop_table *table = gw->nexthops;
	struct interned *from = inherited(table, inherit) != NULL ? table->by_id[inherit] : NULL;
	struct way ways[GROUP_MEMBERS_MAX];
	int kept = way_canonicalize(gw, specs, n, ways);

	if (kept < 0)
		return kept;
	struct interned *found = nexthop_content_find(table, ways, (unsigned)kept);
	if (found != NULL && kept > 1 && from != NULL)
		found = nexthop_content_choose(table, found, from);
	int id = found != NULL ? (int)found->id : intern(gw, ways, (unsigned)kept, inherit);
	if (found != NULL)
		found->references++;
	if (from != NULL && kept > 1 && id > 0)
		nexthop_content_remember(table, from, table->by_id[id]);
	return id;
}

void
nexthop_release(struct gateway *gw, uint32_t id)
{
	struct nexthop_table *table = gw->nexthops;
	struct interned *entry = table->by_id[id];

	if (id == NEXTHOP_NONE || --entry->references > 0)
		return;
	nexthop_content_remove(table, entry);
	for (unsigned i = 0; entry->memberships != NULL && i < entry->n; i++)
		if (way_decode(entry->ways[i]).kind == NEXTHOP_TUNNEL)
			LIST_REMOVE(&entry->memberships[i], link);
	/* The slot keeps its object until the period is over: a worker may hold the id. */
	publish_retire(gw->publisher, entry, retire, table);
}

unsigned
nexthop_specs(const struct gateway *gw, uint32_t id, struct nexthop_spec specs[])
{
	const struct interned *entry = gw->nexthops->by_id[id];

	if (entry == NULL)
		return 0;
	for (unsigned i = 0; i < entry->n; i++)
		specs[i] = way_decode(entry->ways[i]);
	return entry->n;
}

/* A group as it stands, with the states of its members looked at again. */
static void
rebuild(struct gateway *gw, const struct interned *entry)
{
	const struct nexthop **slot = &gw->nexthops->slots->slot[entry->id];
	const struct ecmp_table *previous = (*slot)->group;
	struct ecmp_member members[GROUP_MEMBERS_MAX];
	const struct nexthop *made;

	memcpy(members, previous->members, entry->n * sizeof(members[0]));
	look_at_members(gw, entry, members);
	if (memcmp(members, previous->members, entry->n * sizeof(members[0])) == 0)
		return;
	made = make_group(gw, members, entry->n, previous);
	if (made == NULL) {
		log_error("no memory to move the flows of a way that came or went; they stay");
		return;
	}
	publish_swap(gw->publisher, slot, made, free_object, NULL);
	gw->nexthops->epoch++;
}

void
nexthop_tunnel_changed(struct gateway *gw, uint16_t tunnel)
{
	const struct membership *membership;

	if (gw->nexthops->gathers)
		return;
	LIST_FOREACH (membership, &gw->nexthops->by_tunnel[tunnel], link)
		rebuild(gw, membership->group);
}

void
nexthop_gather(struct gateway *gw)
{
	gw->nexthops->gathers = true;
}

void
nexthop_gathered(struct gateway *gw)
{
	struct nexthop_table *table = gw->nexthops;

	table->gathers = false;
	for (uint32_t id = 0; id < table->n_fresh; id++) {
		const struct interned *entry = table->by_id[id];

		if (entry != NULL && entry->references > 0 && entry->memberships != NULL)
			rebuild(gw, entry);
	}
}
