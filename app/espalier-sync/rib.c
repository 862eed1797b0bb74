/* SPDX-License-Identifier: BSD-3-Clause */
#include "rib.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PLACES_MIN 1024u

/* --- entries by prefix --- */

static uint32_t
place_of(const struct rib *rib, struct prefix prefix)
{
	uint64_t name = (uint64_t)prefix.bits << 32 | prefix.address;

	return (uint32_t)((name * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (rib->n_places - 1);
}

int
rib_open(struct rib *rib)
{
	*rib = (struct rib) { .n_places = PLACES_MIN };
	rib->places = calloc(PLACES_MIN, sizeof(rib->places[0]));
	return rib->places == NULL ? -ENOMEM : 0;
}

static void
free_routes(struct rib_entry *entry)
{
	while (entry->routes != NULL) {
		struct rib_route *route = entry->routes;

		entry->routes = route->next;
		free(route);
	}
}

void
rib_close(struct rib *rib)
{
	for (uint32_t place = 0; place < rib->n_places; place++)
		while (rib->places[place] != NULL) {
			struct rib_entry *entry = rib->places[place];

			rib->places[place] = entry->chain;
			free_routes(entry);
			free(entry);
		}
	free(rib->places);
	*rib = (struct rib) { 0 };
}

/* Twice as many places; where there is no memory, chains become longer instead. */
static void
grow(struct rib *rib)
{
	uint32_t n_old = rib->n_places;
	struct rib_entry **old = rib->places;
	struct rib_entry **places = calloc((size_t)n_old * 2, sizeof(places[0]));

	if (places == NULL)
		return;
	rib->places = places;
	rib->n_places = n_old * 2;
	for (uint32_t place = 0; place < n_old; place++)
		while (old[place] != NULL) {
			struct rib_entry *entry = old[place];
			uint32_t to = place_of(rib, entry->prefix);

			old[place] = entry->chain;
			entry->chain = places[to];
			places[to] = entry;
		}
	free(old);
}

struct rib_entry *
rib_find(const struct rib *rib, struct prefix prefix)
{
	struct rib_entry *entry = rib->places[place_of(rib, prefix)];

	while (entry != NULL &&
		(entry->prefix.address != prefix.address || entry->prefix.bits != prefix.bits))
		entry = entry->chain;
	return entry;
}

static struct rib_entry *
get(struct rib *rib, struct prefix prefix)
{
	struct rib_entry *entry = rib_find(rib, prefix);

	if (entry != NULL)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return NULL;
	if (rib->n_entries >= rib->n_places)
		grow(rib);
	uint32_t place = place_of(rib, prefix);
	entry->prefix = prefix;
	entry->verdict = RIB_NOTHING;
	entry->chain = rib->places[place];
	rib->places[place] = entry;
	rib->n_entries++;
	rib->n_verdicts[RIB_NOTHING]++;
	return entry;
}

static void
drop_entry(struct rib *rib, struct rib_entry *entry)
{
	struct rib_entry **link = &rib->places[place_of(rib, entry->prefix)];

	while (*link != entry)
		link = &(*link)->chain;
	*link = entry->chain;
	rib->n_entries--;
	rib->n_verdicts[entry->verdict]--;
	free(entry);
}

/* --- news --- */

void
rib_mark(struct rib *rib, struct rib_entry *entry)
{
	entry->refused = false;
	if (entry->dirty)
		return;
	entry->dirty = true;
	entry->next_dirty = NULL;
	if (rib->last_dirty == NULL)
		rib->first_dirty = entry;
	else
		rib->last_dirty->next_dirty = entry;
	rib->last_dirty = entry;
}

struct rib_entry *
rib_take_dirty(struct rib *rib)
{
	struct rib_entry *entry = rib->first_dirty;

	if (entry == NULL)
		return NULL;
	rib->first_dirty = entry->next_dirty;
	if (rib->first_dirty == NULL)
		rib->last_dirty = NULL;
	entry->dirty = false;
	return entry;
}

void
rib_judge(struct rib *rib, struct rib_entry *entry, enum rib_verdict verdict)
{
	rib->n_verdicts[entry->verdict]--;
	rib->n_verdicts[verdict]++;
	entry->verdict = (uint8_t)verdict;
	if (entry->routes == NULL && !entry->installed && !entry->dirty)
		drop_entry(rib, entry);
}

void
rib_each(struct rib *rib, void (*look)(struct rib *rib, struct rib_entry *entry, void *context),
	void *context)
{
	for (uint32_t place = 0; place < rib->n_places; place++)
		for (struct rib_entry *entry = rib->places[place]; entry != NULL;
			entry = entry->chain)
			look(rib, entry, context);
}

/* --- the routes of a prefix --- */

static bool
equals(const struct rib_route *route, const struct learned_route *learned)
{
	return route->facts.metric == learned->facts.metric &&
		route->facts.tos == learned->facts.tos;
}

static bool
same(const struct rib_route *route, const struct learned_route *learned)
{
	return memcmp(&route->facts, &learned->facts, sizeof(route->facts)) == 0 &&
		route->strange == learned->strange &&
		memcmp(route->hops, learned->hops,
			learned->facts.n_hops * sizeof(learned->hops[0])) == 0;
}

/* Where the first of its equals stands, or one would. */
static struct rib_route **
first_equal(struct rib_entry *entry, const struct learned_route *learned)
{
	struct rib_route **link = &entry->routes;

	while (*link != NULL &&
		((*link)->facts.metric < learned->facts.metric ||
			((*link)->facts.metric == learned->facts.metric &&
				(*link)->facts.tos < learned->facts.tos)))
		link = &(*link)->next;
	return link;
}

static void
unlink_route(struct rib *rib, struct rib_route **link)
{
	struct rib_route *route = *link;

	rib->n_routes -= !route->gone;
	rib->n_stale -= rib->in_round && !route->gone && route->round != rib->round;
	*link = route->next;
	free(route);
}

static struct rib_route *
make_route(const struct learned_route *learned)
{
	size_t hops_bytes = learned->facts.n_hops * sizeof(learned->hops[0]);
	struct rib_route *route = malloc(sizeof(*route) + hops_bytes);

	if (route == NULL)
		return NULL;
	*route = (struct rib_route) { .strange = learned->strange, .facts = learned->facts };
	memcpy(route->hops, learned->hops, hops_bytes);
	return route;
}

/* The source has said it again: it is no stale one. */
static void
refresh(struct rib *rib, struct rib_route *route)
{
	rib->n_stale -= rib->in_round && route->round != rib->round;
	route->round = rib->round;
}

static bool
put(struct rib *rib, struct rib_entry *entry, struct rib_route **link,
	const struct learned_route *learned)
{
	struct rib_route *route = make_route(learned);

	if (route == NULL)
		return false;
	route->round = rib->round;
	route->next = *link;
	*link = route;
	rib->n_routes++;
	rib_mark(rib, entry);
	return true;
}

bool
rib_set(struct rib *rib, const struct learned_route *learned, enum rib_saying how)
{
	struct rib_entry *entry = get(rib, learned->prefix);

	if (entry == NULL)
		return false;
	struct rib_route **link = first_equal(entry, learned), **first = link, **found = NULL;
	bool told = rib->in_round && how != RIB_LISTED, late = false;
	for (; *link != NULL && equals(*link, learned); link = &(*link)->next) {
		late |= (*link)->told || (*link)->gone;
		if (found == NULL && !(*link)->gone && same(*link, learned))
			found = link;
	}
	/* An event overtook the listing, which may have been written before. */
	if (how == RIB_LISTED && late)
		return true;
	if (found != NULL && (how != RIB_REPLACED || found == first)) {
		refresh(rib, *found);
		(*found)->told |= told;
		return true;
	}
	bool behind = how == RIB_LISTED || how == RIB_APPENDED;
	struct rib_route **to = behind ? link : first;
	if (!put(rib, entry, to, learned))
		return false;
	(*to)->told = told;
	/* What it replaces stands right behind it. */
	struct rib_route **replaced = &(*first)->next;
	if (how == RIB_REPLACED && *replaced != NULL && equals(*replaced, learned))
		unlink_route(rib, replaced);
	return true;
}

bool
rib_learn(struct rib *rib, const struct learned_route *learned)
{
	struct rib_entry *entry = get(rib, learned->prefix);

	if (entry == NULL)
		return false;
	if (entry->routes != NULL)
		return true;
	if (!put(rib, entry, &entry->routes, learned))
		return false;
	entry->routes->round--;
	rib->n_stale += rib->in_round;
	return true;
}

void
rib_remove(struct rib *rib, const struct learned_route *learned)
{
	struct rib_entry *entry = rib_find(rib, learned->prefix);
	struct rib_route **link, **found = NULL;

	if (entry == NULL)
		return;
	for (link = first_equal(entry, learned); *link != NULL && equals(*link, learned);
		link = &(*link)->next) {
		if ((*link)->gone)
			continue;
		if (found == NULL || same(*link, learned))
			found = link;
		if (same(*link, learned))
			break;
	}
	if (found == NULL)
		return;
	rib_mark(rib, entry);
	if (!rib->in_round) {
		unlink_route(rib, found);
		return;
	}
	refresh(rib, *found);
	rib->n_routes--;
	(*found)->gone = true;
}

/* --- rounds --- */

void
rib_round_begin(struct rib *rib)
{
	rib_round_abandon(rib);
	rib->round++;
	rib->in_round = true;
	rib->n_stale = rib->n_routes;
}

enum sweep { SWEEP_GONE, SWEEP_STALE };

/* Takes away what was deleted in the round and, at its end, what it did not say. */
static uint32_t
sweep(struct rib *rib, struct rib_entry *entry, enum sweep what)
{
	struct rib_route **link = &entry->routes;
	uint32_t went = 0;

	while (*link != NULL) {
		bool stale = what == SWEEP_STALE && (*link)->round != rib->round;

		(*link)->told = false;
		if ((*link)->gone || stale) {
			went += !(*link)->gone;
			unlink_route(rib, link);
		} else {
			link = &(*link)->next;
		}
	}
	if (went > 0)
		rib_mark(rib, entry);
	return went;
}

static uint32_t
end(struct rib *rib, enum sweep what)
{
	uint32_t went = 0;

	for (uint32_t place = 0; place < rib->n_places; place++)
		for (struct rib_entry *entry = rib->places[place], *next; entry != NULL;
			entry = next) {
			next = entry->chain;
			went += sweep(rib, entry, what);
			/* Deleted in the round, and sent: it was kept for its routes alone. */
			if (entry->routes == NULL && !entry->installed && !entry->dirty)
				drop_entry(rib, entry);
		}
	rib->in_round = false;
	return went;
}

void
rib_round_abandon(struct rib *rib)
{
	if (rib->in_round)
		end(rib, SWEEP_GONE);
}

uint32_t
rib_round_end(struct rib *rib)
{
	return end(rib, SWEEP_STALE);
}
