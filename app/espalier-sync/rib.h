/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "learned.h"

/*
 * All routes that one source has, by prefix, best first: what Espalier shall have. Knows nothing of
 * Espalier: it keeps a list of prefixes about which there is news, and whoever sends takes them
 * from there. So many changes of a prefix become one, and news never takes more memory than routes
 * do.
 *
 * A source that cannot be sure any more begins a round and says all it has; at the end of the round
 * go the routes that it did not say. Until then they stay.
 */

struct rib_route {
	struct rib_route *next;
	uint32_t round; /* when the source last said it */
	bool told;      /* said by an event of this round, which is newer than any listing */
	bool gone;      /* deleted by such an event, and kept for the listing to be known as late */
	bool strange;   /* see struct learned_route */
	struct route_facts facts;
	struct hop hops[];
};

/* Why a prefix is sent to Espalier, or not. */
enum rib_verdict {
	RIB_CARRIED,
	RIB_OWN,      /* Espalier's own: connected by an address of a port or tunnel */
	RIB_FOREIGN,  /* out of interfaces that are not Espalier's */
	RIB_DEFERRED, /* of a protocol that another source tells of */
	RIB_STRANGE,  /* ways or types that Espalier has not: encapsulated, via IPv6, by TOS */
	RIB_UNKNOWN,  /* names a nexthop object that is not there yet */
	RIB_REFUSED,  /* Espalier said no */
	RIB_NOTHING,  /* no route is left */
	RIB_VERDICTS
};

struct rib_entry {
	struct rib_entry *chain;      /* next of the same hash */
	struct rib_entry *next_dirty; /* next with news */
	struct rib_route *routes;     /* best first: by metric, then as the source has them */
	struct prefix prefix;
	bool dirty;
	bool installed;    /* Espalier has it from us, as far as was told */
	bool refused;      /* what it is now was refused */
	uint32_t sequence; /* of the last message about it */
	uint8_t installed_protocol;
	uint8_t verdict; /* enum rib_verdict, as of the last look */
};

struct rib {
	struct rib_entry **places;
	uint32_t n_places; /* a power of two */
	uint32_t n_entries, n_routes;
	uint32_t n_stale; /* routes that this round has not said so far */
	uint32_t round;
	bool in_round;
	struct rib_entry *first_dirty, *last_dirty;
	uint32_t n_verdicts[RIB_VERDICTS];
};

/* 0 or -ENOMEM. */
int rib_open(struct rib *rib);
void rib_close(struct rib *rib);

/* What a source says of a route, in the words of rtnetlink. */
enum rib_saying {
	RIB_LISTED,   /* a row of a listing: it is there, in this place among its equals */
	RIB_ADDED,    /* new, before its equals */
	RIB_APPENDED, /* new, behind its equals */
	RIB_REPLACED, /* instead of the first of its equals */
};

/* Routes with the same metric and TOS are equals. False: no memory, and the route is not there. */
bool rib_set(struct rib *rib, const struct learned_route *route, enum rib_saying how);
/* Takes a route that Espalier has from an earlier life of ours, as one of a round that is over;
 * where the prefix has routes, they know better. False: no memory. */
bool rib_learn(struct rib *rib, const struct learned_route *route);
/* Removes the very route, or the first of its equals. */
void rib_remove(struct rib *rib, const struct learned_route *route);

void rib_round_begin(struct rib *rib);
/* Breaks the round off: nothing goes. */
void rib_round_abandon(struct rib *rib);
/* The number of routes that went. */
uint32_t rib_round_end(struct rib *rib);

/* --- for whoever sends --- */

/* NULL: none has that prefix. */
struct rib_entry *rib_find(const struct rib *rib, struct prefix prefix);
/* Calls `look` for every entry; it may mark entries and change routes in their place, and nothing
 * else. */
void rib_each(struct rib *rib,
	void (*look)(struct rib *rib, struct rib_entry *entry, void *context), void *context);
void rib_mark(struct rib *rib, struct rib_entry *entry);
/* The next with news, which is news no more; NULL: there is none. */
struct rib_entry *rib_take_dirty(struct rib *rib);
/* Notes what came of it, and frees the entry where nothing is left of it. */
void rib_judge(struct rib *rib, struct rib_entry *entry, enum rib_verdict verdict);
