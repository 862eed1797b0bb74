/* SPDX-License-Identifier: BSD-3-Clause */
#include "ecmp.h"

#include <assert.h>
#include <string.h>

#include "compiler.h"

/*
 * Both columns of the table, homes and actives, are made by the same deal: some buckets have an
 * owner who cannot be changed, the others are open and are dealt to the takers so that everybody's
 * total comes as near to its weight as whole buckets allow. Who held an open bucket before keeps it
 * unless it holds too much.
 *
 * Where there is a choice of what to give up and whom to give it to, the deal heads for its *plan*:
 * what a new group of these takers would have. So a set of members that loses one and gets it back,
 * as one group or as another by BGP's word, comes back to where it was.
 *
 * Homes: every bucket is open and every member takes. Actives: the home where it is up, else open
 * to all who are up.
 */

#define NOBODY UINT8_MAX

static_assert(GROUP_MEMBERS_MAX < NOBODY, "a member's index fits a bucket's byte");

/* How far a deal may go to level the takers. */
enum leveling {
	LEVEL_OPEN_ONLY, /* nobody gives up what it holds: survivors after a loss */
	LEVEL_ALL,
};

struct taker {
	uint8_t member;
	int64_t weight;
	unsigned fixed; /* buckets that are its own whatever happens */
	unsigned held;  /* open buckets that it had before, */
	unsigned meant; /* and those among them that the plan would give it */
	unsigned room;  /* open buckets that it shall have */
};

struct deal {
	unsigned n;
	struct taker takers[GROUP_MEMBERS_MAX];
	int64_t weight;                  /* of all takers */
	uint8_t seat[GROUP_MEMBERS_MAX]; /* member -> its place in takers, or NOBODY */
	const uint8_t *before;           /* [ECMP_BUCKETS] former owner, a member or NOBODY */
	uint8_t *owner;                  /* [ECMP_BUCKETS] NOBODY where open */
	uint8_t plan[ECMP_BUCKETS];
};

/* How much a taker lacks of its exact share, in buckets times the weight of all. */
static int64_t
lack(const struct deal *deal, const struct taker *taker)
{
	return taker->weight * ECMP_BUCKETS - deal->weight * (taker->fixed + taker->room);
}

static struct taker *
neediest(struct deal *deal)
{
	struct taker *found = &deal->takers[0];

	for (unsigned i = 1; i < deal->n; i++)
		if (lack(deal, &deal->takers[i]) > lack(deal, found))
			found = &deal->takers[i];
	return found;
}

/* The taker with most above its share among those that have an open bucket to give; NULL: none. */
static struct taker *
richest(struct deal *deal)
{
	struct taker *found = NULL;

	for (unsigned i = 0; i < deal->n; i++) {
		struct taker *taker = &deal->takers[i];

		if (taker->room > 0 && (found == NULL || lack(deal, taker) < lack(deal, found)))
			found = taker;
	}
	return found;
}

/* Counts what each taker has: fixed buckets, and open ones from before. Returns how many are open
 * and were nobody's. */
static unsigned
count(struct deal *deal)
{
	unsigned unheld = 0;

	for (unsigned b = 0; b < ECMP_BUCKETS; b++) {
		uint8_t owner = deal->owner[b];
		uint8_t before = deal->before[b];

		if (owner != NOBODY)
			deal->takers[deal->seat[owner]].fixed++;
		else if (before != NOBODY && deal->seat[before] != NOBODY)
			deal->takers[deal->seat[before]].held++;
		else
			unheld++;
	}
	return unheld;
}

/*
 * Settles how many open buckets each taker shall have. Giving one bucket after the other to whoever
 * lacks most is the method of largest remainders. Then, where that is allowed, one goes from the
 * richest to the neediest as long as that lessens the unfairness: a tie moves nothing.
 */
static void
settle(struct deal *deal, unsigned unheld, enum leveling leveling)
{
	for (unsigned i = 0; i < deal->n; i++)
		deal->takers[i].room = deal->takers[i].held;
	for (; unheld > 0; unheld--)
		neediest(deal)->room++;
	while (leveling == LEVEL_ALL) {
		struct taker *to = neediest(deal);
		struct taker *from = richest(deal);

		if (from == NULL || lack(deal, to) - lack(deal, from) <= deal->weight)
			return;
		to->room++;
		from->room--;
	}
}

/* The taker who held an open bucket before; NULL: nobody that takes now. */
static struct taker *
holder(struct deal *deal, unsigned bucket)
{
	uint8_t before = deal->before[bucket];

	if (deal->owner[bucket] != NOBODY || before == NOBODY || deal->seat[before] == NOBODY)
		return NULL;
	return &deal->takers[deal->seat[before]];
}

/* Lets every taker keep of its former buckets as many as it has room for: first those that are its
 * own by the plan. Those it gives up are spread evenly over the others. */
static void
keep(struct deal *deal)
{
	struct {
		unsigned meant, other;
	} seen[GROUP_MEMBERS_MAX] = { 0 };
	struct taker *taker;

	for (unsigned b = 0; b < ECMP_BUCKETS; b++)
		if ((taker = holder(deal, b)) != NULL && deal->plan[b] == taker->member)
			taker->meant++;
	for (unsigned b = 0; b < ECMP_BUCKETS; b++) {
		unsigned kept, kept_meant, of, place;

		taker = holder(deal, b);
		if (taker == NULL)
			continue;
		kept = taker->room < taker->held ? taker->room : taker->held;
		kept_meant = kept < taker->meant ? kept : taker->meant;
		if (deal->plan[b] == taker->member) {
			kept = kept_meant;
			of = taker->meant;
			place = seen[taker - deal->takers].meant++;
		} else {
			kept -= kept_meant;
			of = taker->held - taker->meant;
			place = seen[taker - deal->takers].other++;
		}
		if ((place + 1) * kept / of > place * kept / of)
			deal->owner[b] = taker->member;
	}
}

/* Deals what is still open: as planned, and the rest so that neighbouring buckets go to different
 * takers, each in turn to the one who is furthest behind its even pace. Ends with exactly the room
 * that was settled. */
static void
hand_out(struct deal *deal)
{
	int64_t behind[GROUP_MEMBERS_MAX] = { 0 };
	int64_t wanted[GROUP_MEMBERS_MAX];
	int64_t total = 0;

	for (unsigned i = 0; i < deal->n; i++) {
		const struct taker *taker = &deal->takers[i];

		wanted[i] = taker->room > taker->held ? taker->room - taker->held : 0;
		total += wanted[i];
	}
	for (unsigned b = 0; b < ECMP_BUCKETS; b++) {
		uint8_t meant = deal->plan[b];

		if (deal->owner[b] != NOBODY || meant == NOBODY || wanted[deal->seat[meant]] == 0)
			continue;
		deal->owner[b] = meant;
		wanted[deal->seat[meant]]--;
		total--;
	}
	for (unsigned b = 0; b < ECMP_BUCKETS; b++) {
		unsigned next = 0;

		if (deal->owner[b] != NOBODY)
			continue;
		for (unsigned i = 0; i < deal->n; i++) {
			behind[i] += wanted[i];
			if (behind[i] > behind[next])
				next = i;
		}
		behind[next] -= total;
		deal->owner[b] = deal->takers[next].member;
	}
}

/* Deals all buckets to these takers as if nobody had any. */
static void
make_plan(struct deal *deal)
{
	struct deal fresh = *deal;

	fresh.owner = deal->plan;
	memset(deal->plan, NOBODY, sizeof(deal->plan));
	memset(fresh.plan, NOBODY, sizeof(fresh.plan));
	settle(&fresh, ECMP_BUCKETS, LEVEL_OPEN_ONLY);
	hand_out(&fresh);
}

/* Adds a member to those who take. */
static void
admit(struct deal *deal, const struct ecmp_member *member, unsigned index)
{
	deal->seat[index] = (uint8_t)deal->n;
	deal->takers[deal->n++] =
		(struct taker) { .member = (uint8_t)index, .weight = member->weight };
	deal->weight += member->weight;
}

static void
run(struct deal *deal, enum leveling leveling)
{
	make_plan(deal);
	settle(deal, count(deal), leveling);
	keep(deal);
	hand_out(deal);
}

/* What `previous` says in the terms of the new table. */
struct past {
	/* New indices. Where the home is gone, whoever served for it: so a member that was down
	 * before it left moves nothing by leaving. NOBODY: gone as well. */
	uint8_t home[ECMP_BUCKETS];
	uint8_t active[ECMP_BUCKETS];
	bool up[GROUP_MEMBERS_MAX]; /* of each new member: it was there, and up */
};

static void
recall(struct past *past, const struct ecmp_table *table, const struct ecmp_table *previous)
{
	uint8_t now[GROUP_MEMBERS_MAX]; /* old index -> new index */

	*past = (struct past) { 0 };
	memset(past->home, NOBODY, sizeof(past->home));
	memset(past->active, NOBODY, sizeof(past->active));
	if (previous == NULL)
		return;
	for (unsigned old = 0; old < previous->n_members; old++) {
		now[old] = NOBODY;
		for (unsigned i = 0; i < table->n_members; i++)
			if (table->members[i].id == previous->members[old].id) {
				now[old] = (uint8_t)i;
				past->up[i] = previous->members[old].up;
			}
	}
	for (unsigned b = 0; b < ECMP_BUCKETS; b++) {
		past->home[b] = now[previous->home[b]];
		past->active[b] = now[previous->active[b]];
		if (past->home[b] == NOBODY)
			past->home[b] = past->active[b];
	}
}

/*
 * A member that is up and lacks homes takes those that it serves for members that are down. They
 * get others in their place, which the deal will find where there are too many: no flow has to move
 * for that. Where only states changed nobody lacks any.
 */
static void
adopt(const struct ecmp_table *table, struct past *past)
{
	unsigned held[GROUP_MEMBERS_MAX] = { 0 };
	unsigned weight = 0;

	for (unsigned i = 0; i < table->n_members; i++)
		weight += table->members[i].weight;
	for (unsigned b = 0; b < ECMP_BUCKETS; b++)
		if (past->home[b] != NOBODY)
			held[past->home[b]]++;
	for (unsigned b = 0; b < ECMP_BUCKETS; b++) {
		uint8_t home = past->home[b], active = past->active[b];

		if (home == NOBODY || active == NOBODY || table->members[home].up ||
			!table->members[active].up ||
			held[active] >= ECMP_BUCKETS * table->members[active].weight / weight)
			continue;
		past->home[b] = active;
		held[active]++;
		held[home]--;
	}
}

static void
deal_homes(struct ecmp_table *table, const struct past *past)
{
	struct deal deal = { .before = past->home, .owner = table->home };

	for (unsigned i = 0; i < table->n_members; i++)
		admit(&deal, &table->members[i], i);
	memset(table->home, NOBODY, sizeof(table->home));
	run(&deal, LEVEL_ALL);
}

/*
 * Members that only went away leave everything else alone: their buckets are dealt, and rounding
 * moves no other. A member that came, or homes that moved, change everybody's share.
 */
static enum leveling
leveling_of_actives(const struct ecmp_table *table, const struct past *past)
{
	for (unsigned i = 0; i < table->n_members; i++)
		if (table->members[i].up && !past->up[i])
			return LEVEL_ALL;
	return memcmp(table->home, past->home, sizeof(table->home)) == 0 ? LEVEL_OPEN_ONLY
									 : LEVEL_ALL;
}

static void
deal_actives(struct ecmp_table *table, const struct past *past)
{
	struct deal deal = { .before = past->active, .owner = table->active };

	memset(deal.seat, NOBODY, sizeof(deal.seat));
	for (unsigned i = 0; i < table->n_members; i++)
		if (table->members[i].up)
			admit(&deal, &table->members[i], i);
	if (deal.n == 0) {
		memcpy(table->active, table->home, sizeof(table->active));
		return;
	}
	for (unsigned b = 0; b < ECMP_BUCKETS; b++) {
		uint8_t home = table->home[b];

		table->active[b] = table->members[home].up ? home : NOBODY;
	}
	run(&deal, leveling_of_actives(table, past));
}

void
ecmp_build(struct ecmp_table *table, const struct ecmp_member members[], unsigned n,
	const struct ecmp_table *previous)
{
	struct past past;

	assert(n >= 1 && n <= GROUP_MEMBERS_MAX && table != previous);
	*table = (struct ecmp_table) { .n_members = (uint16_t)n };
	memcpy(table->members, members, n * sizeof(members[0]));
	recall(&past, table, previous);
	adopt(table, &past);
	deal_homes(table, &past);
	deal_actives(table, &past);
}
