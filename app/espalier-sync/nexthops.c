/* SPDX-License-Identifier: BSD-3-Clause */
#include "nexthops.h"

#include <stdlib.h>
#include <string.h>

#define uthash_nonfatal_oom(entry) (entry)->lost = true
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct nexthop_object {
	UT_hash_handle hh;
	uint32_t id;
	uint32_t round;
	bool group, blackhole, strange;
	bool changed;
	bool lost; /* not in the table, for want of memory */
	uint8_t n_hops;
	struct hop hops[];
};

static struct nexthop_object *
find(const struct nexthops *nexthops, uint32_t id)
{
	struct nexthop_object *object;

	HASH_FIND(hh, nexthops->all, &id, sizeof(id), object);
	return object;
}

static void
drop(struct nexthops *nexthops, struct nexthop_object *object)
{
	HASH_DEL(nexthops->all, object);
	free(object);
}

void
nexthops_close(struct nexthops *nexthops)
{
	struct nexthop_object *object, *next;

	HASH_ITER (hh, nexthops->all, object, next)
		drop(nexthops, object);
	nexthops->changed = false;
	nexthops->missed = false;
}

static bool
same(const struct nexthop_object *object, const struct learned_nexthop *learned)
{
	return object->group == learned->group && object->blackhole == learned->blackhole &&
		object->strange == learned->strange && object->n_hops == learned->n_hops &&
		memcmp(object->hops, learned->hops, learned->n_hops * sizeof(learned->hops[0])) ==
		0;
}

bool
nexthops_set(struct nexthops *nexthops, const struct learned_nexthop *learned)
{
	struct nexthop_object *old = find(nexthops, learned->id), *object;
	size_t hops_bytes = learned->n_hops * sizeof(learned->hops[0]);

	if (old != NULL && same(old, learned)) {
		old->round = nexthops->round;
		return true;
	}
	object = malloc(sizeof(*object) + hops_bytes);
	if (object == NULL)
		return false;
	*object = (struct nexthop_object) {
		.id = learned->id,
		.round = nexthops->round,
		.group = learned->group,
		.blackhole = learned->blackhole,
		.strange = learned->strange,
		/* Of a new one nobody can know, unless he knew it before it came. */
		.changed = old != NULL || nexthops->missed,
		.n_hops = learned->n_hops,
	};
	memcpy(object->hops, learned->hops, hops_bytes);
	if (old != NULL)
		drop(nexthops, old);
	HASH_ADD(hh, nexthops->all, id, sizeof(object->id), object);
	if (object->lost) {
		free(object);
		return false;
	}
	nexthops->changed |= object->changed;
	return true;
}

void
nexthops_remove(struct nexthops *nexthops, uint32_t id)
{
	struct nexthop_object *object = find(nexthops, id);

	if (object != NULL)
		drop(nexthops, object);
}

void
nexthops_round_begin(struct nexthops *nexthops)
{
	nexthops->round++;
}

void
nexthops_round_end(struct nexthops *nexthops)
{
	struct nexthop_object *object, *next;

	HASH_ITER (hh, nexthops->all, object, next)
		if (object->round != nexthops->round)
			drop(nexthops, object);
}

/* NULL is noted as missed. */
static const struct nexthop_object *
look_for(struct nexthops *nexthops, uint32_t id)
{
	const struct nexthop_object *object = find(nexthops, id);

	nexthops->missed |= object == NULL;
	return object;
}

void
nexthops_survey(struct nexthops *nexthops)
{
	nexthops->missed = false;
}

bool
nexthops_concern(struct nexthops *nexthops, uint32_t id)
{
	const struct nexthop_object *object = look_for(nexthops, id);

	if (object == NULL)
		return false;
	bool concerns = object->changed;
	for (unsigned i = 0; object->group && !concerns && i < object->n_hops; i++) {
		const struct nexthop_object *member = look_for(nexthops, object->hops[i].ifindex);

		concerns = member != NULL && member->changed;
	}
	return concerns;
}

void
nexthops_settle(struct nexthops *nexthops)
{
	struct nexthop_object *object, *next;

	HASH_ITER (hh, nexthops->all, object, next)
		object->changed = false;
	nexthops->changed = false;
}

/* Groups hold no groups. */
static enum nexthop_verdict
resolve_group(struct nexthops *nexthops, const struct nexthop_object *group, struct hop hops[],
	unsigned *n)
{
	enum nexthop_verdict verdict = NEXTHOP_UNKNOWN;

	for (unsigned i = 0; i < group->n_hops; i++) {
		const struct nexthop_object *member = look_for(nexthops, group->hops[i].ifindex);

		if (member == NULL)
			continue;
		if (member->strange)
			return NEXTHOP_STRANGE;
		verdict = NEXTHOP_WAYS;
		if (member->group || member->blackhole || member->n_hops == 0)
			continue;
		hops[*n] = member->hops[0];
		hops[(*n)++].weight = group->hops[i].weight;
	}
	return verdict;
}

enum nexthop_verdict
nexthops_resolve(struct nexthops *nexthops, uint32_t id, struct hop hops[], unsigned *n)
{
	const struct nexthop_object *object = look_for(nexthops, id);

	*n = 0;
	if (object == NULL)
		return NEXTHOP_UNKNOWN;
	if (object->strange)
		return NEXTHOP_STRANGE;
	if (object->blackhole)
		return NEXTHOP_BLACKHOLE;
	if (object->group)
		return resolve_group(nexthops, object, hops, n);
	*n = object->n_hops;
	memcpy(hops, object->hops, *n * sizeof(hops[0]));
	return NEXTHOP_WAYS;
}
