/* SPDX-License-Identifier: BSD-3-Clause */
#include "ecmp_past.h"

#include <string.h>

/* --- who was where --- */

/* The new member of that id; ECMP_NOBODY: there is none. */
static uint8_t
find_id(const struct ecmp_table *table, uint32_t id)
{
	for (unsigned i = 0; i < table->n_members; i++)
		if (table->members[i].id == id)
			return (uint8_t)i;
	return ECMP_NOBODY;
}

static void
recall_homes(
	struct ecmp_past *past, const struct ecmp_table *table, const struct ecmp_table *previous)
{
	uint8_t now[GROUP_MEMBERS_MAX]; /* old index -> new index */

	for (unsigned old = 0; old < previous->n_members; old++) {
		now[old] = find_id(table, previous->members[old].id);
		if (now[old] != ECMP_NOBODY)
			past->up[now[old]] = previous->members[old].up;
	}
	for (unsigned b = 0; b < ECMP_BUCKETS; b++) {
		past->home[b] = now[previous->home[b]];
		past->active[b] = now[previous->active[b]];
		if (past->home[b] == ECMP_NOBODY)
			past->home[b] = past->active[b];
	}
}

/*
 * A member that is up and lacks homes takes those that it serves for members that are down. They
 * get others in their place, which the deal will find where there are too many: no flow has to move
 * for that. Where only states changed nobody lacks any.
 */
static void
adopt(const struct ecmp_table *table, struct ecmp_past *past)
{
	unsigned held[GROUP_MEMBERS_MAX] = { 0 };
	unsigned weight = 0;

	for (unsigned i = 0; i < table->n_members; i++)
		weight += table->members[i].weight;
	for (unsigned b = 0; b < ECMP_BUCKETS; b++)
		if (past->home[b] != ECMP_NOBODY)
			held[past->home[b]]++;
	for (unsigned b = 0; b < ECMP_BUCKETS; b++) {
		uint8_t home = past->home[b], active = past->active[b];

		if (home == ECMP_NOBODY || active == ECMP_NOBODY || table->members[home].up ||
			!table->members[active].up ||
			held[active] >= ECMP_BUCKETS * table->members[active].weight / weight)
			continue;
		past->home[b] = active;
		held[active]++;
		held[home]--;
	}
}

/* --- who is away --- */

/* The new member of that name; ECMP_NOBODY: there is none. */
static uint8_t
find_name(const struct ecmp_table *table, uint64_t name)
{
	for (unsigned i = 0; i < table->n_members; i++)
		if (table->members[i].name == name)
			return (uint8_t)i;
	return ECMP_NOBODY;
}

/* The place of a name among those that are away; ECMP_NOBODY: there is no room for more. */
static uint8_t
note_away(struct ecmp_table *table, uint64_t name)
{
	uint8_t place = 0;

	while (place < table->n_away && table->away[place] != name)
		place++;
	if (place == ECMP_AWAY_MAX)
		return ECMP_NOBODY;
	if (place == table->n_away)
		table->away[table->n_away++] = name;
	return place;
}

static bool
is_in(const struct ecmp_table *table, const struct ecmp_member *member)
{
	return find_id(table, member->id) != ECMP_NOBODY;
}

/* Who would have the bucket back, newest first; 0: nobody more. */
struct claimants {
	uint64_t names[ECMP_CLAIMS + 1];
};

static struct claimants
claimants(const struct ecmp_table *table, const struct ecmp_table *previous, unsigned bucket)
{
	const struct ecmp_member *home = &previous->members[previous->home[bucket]];
	struct claimants found = { { 0 } };
	unsigned n = 0;

	if (!is_in(table, home))
		found.names[n++] = home->name;
	for (unsigned i = 0; i < ECMP_CLAIMS; i++)
		if (previous->claims[i][bucket] != ECMP_NOBODY)
			found.names[n++] = previous->away[previous->claims[i][bucket]];
	return found;
}

/* The oldest of them who is back: what others had of it meanwhile counts no more. */
static uint8_t
settle_claims(const struct ecmp_table *table, struct claimants *claimants)
{
	for (unsigned i = ECMP_CLAIMS + 1; i-- > 0;) {
		uint8_t back = claimants->names[i] == 0 ? ECMP_NOBODY
							: find_name(table, claimants->names[i]);

		if (back == ECMP_NOBODY)
			continue;
		memmove(claimants->names, claimants->names + i + 1,
			(ECMP_CLAIMS - i) * sizeof(claimants->names[0]));
		memset(claimants->names + ECMP_CLAIMS - i, 0,
			(i + 1) * sizeof(claimants->names[0]));
		return back;
	}
	return ECMP_NOBODY;
}

static void
recall_away(struct ecmp_past *past, struct ecmp_table *table, const struct ecmp_table *previous)
{
	struct claimants left[ECMP_BUCKETS];
	bool due[GROUP_MEMBERS_MAX] = { false };

	for (unsigned b = 0; b < ECMP_BUCKETS; b++) {
		left[b] = claimants(table, previous, b);
		past->due[b] = settle_claims(table, &left[b]);
		past->vacant[b] = left[b].names[0] != 0;
		if (past->due[b] != ECMP_NOBODY)
			due[past->due[b]] = past->returns = true;
	}
	for (unsigned i = 0; i < table->n_members; i++)
		past->newcomer |= !due[i] && !is_in(previous, &table->members[i]);
	/* Where there is no room for all names, the newest count: those who leave now first. */
	for (unsigned i = 0; i < previous->n_members; i++)
		if (previous->members[i].name != 0 && !is_in(table, &previous->members[i]))
			note_away(table, previous->members[i].name);
	for (unsigned i = 0; i < ECMP_CLAIMS; i++)
		for (unsigned b = 0; b < ECMP_BUCKETS; b++)
			if (left[b].names[i] != 0)
				table->claims[i][b] = note_away(table, left[b].names[i]);
}

void
ecmp_past_recall(
	struct ecmp_past *past, struct ecmp_table *table, const struct ecmp_table *previous)
{
	*past = (struct ecmp_past) { 0 };
	memset(past->home, ECMP_NOBODY, sizeof(past->home));
	memset(past->active, ECMP_NOBODY, sizeof(past->active));
	memset(past->due, ECMP_NOBODY, sizeof(past->due));
	memset(table->claims, ECMP_NOBODY, sizeof(table->claims));
	if (previous == NULL)
		return;
	recall_homes(past, table, previous);
	recall_away(past, table, previous);
	adopt(table, past);
}

void
ecmp_past_prefer(const struct ecmp_past *past, uint8_t plan[ECMP_BUCKETS])
{
	for (unsigned b = 0; b < ECMP_BUCKETS && past->returns; b++) {
		if (past->due[b] != ECMP_NOBODY)
			plan[b] = past->due[b];
		else if (past->vacant[b])
			plan[b] = ECMP_NOBODY;
		else if (!past->newcomer)
			plan[b] = past->home[b];
	}
}
