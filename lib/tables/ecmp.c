/* SPDX-License-Identifier: BSD-3-Clause */
#include "ecmp.h"

#include <assert.h>
#include <string.h>

#include "compiler.h"
#include "ecmp_past.h"

/*
 * Both columns of the table, homes and actives, are made by the same deal: some buckets have an
 * owner who cannot be changed, the others are open and are dealt to the takers so that everybody's
 * total comes as near to its weight as whole buckets allow. Who held an open bucket before keeps it
 * unless it holds too much.
 *
 * Where there is a choice of what to give up and whom to give it to, the deal heads for its *plan*:
 * what a new group of these takers would have, or, where a member comes back, what was before it
 * left. So a set of members that loses one and gets it back, as one group or as another by BGP's
 * word, comes back to where it was.
 *
 * Homes: every bucket is open and every member takes. Actives: the home where it is up, else open
 * to all who are up.
 */

static_assert(GROUP_MEMBERS_MAX < ECMP_NOBODY, "a member's index fits a bucket's byte");

/* How far a deal may go to level the takers. */
enum leveling {
	LEVEL_OPEN_ONLY, /* nobody gives up what it holds: survivors after a loss */
	LEVEL_ALL,
};

/* What the plan says of a bucket to whoever holds it. */
enum tie { TIE_MEANT, TIE_NONE, TIE_OTHERS, TIES };

struct taker {
	uint8_t member;
	int64_t weight;
	unsigned fixed;      /* buckets that are its own whatever happens */
	unsigned held;       /* open buckets that it had before, */
	unsigned tied[TIES]; /* by tie */
	unsigned room;       /* open buckets that it shall have */
};

struct deal {
	unsigned n;
	struct taker takers[GROUP_MEMBERS_MAX];
	int64_t weight;                  /* of all takers */
	uint8_t seat[GROUP_MEMBERS_MAX]; /* member -> its place in takers, or ECMP_NOBODY */
	const uint8_t *before;           /* [ECMP_BUCKETS] former owner, a member or ECMP_NOBODY */
	uint8_t *owner;                  /* [ECMP_BUCKETS] ECMP_NOBODY where open */
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

		if (owner != ECMP_NOBODY)
			deal->takers[deal->seat[owner]].fixed++;
		else if (before != ECMP_NOBODY && deal->seat[before] != ECMP_NOBODY)
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

	if (deal->owner[bucket] != ECMP_NOBODY || before == ECMP_NOBODY ||
		deal->seat[before] == ECMP_NOBODY)
		return NULL;
	return &deal->takers[deal->seat[before]];
}

static enum tie
tie(const struct deal *deal, unsigned bucket, const struct taker *taker)
{
	if (deal->plan[bucket] == taker->member)
		return TIE_MEANT;
	return deal->plan[bucket] == ECMP_NOBODY ? TIE_NONE : TIE_OTHERS;
}

/* How many of its buckets with that tie a taker keeps: it gives up the loosest first. */
static unsigned
kept_of(const struct taker *taker, enum tie tie)
{
	unsigned kept = taker->room < taker->held ? taker->room : taker->held;

	for (unsigned closer = 0; closer < tie; closer++)
		kept -= kept < taker->tied[closer] ? kept : taker->tied[closer];
	return kept < taker->tied[tie] ? kept : taker->tied[tie];
}

/* Lets every taker keep of its former buckets as many as it has room for. Those it gives up are
 * spread evenly over the others with the same tie. */
static void
keep(struct deal *deal)
{
	unsigned seen[GROUP_MEMBERS_MAX][TIES] = { 0 };
	struct taker *taker;

	for (unsigned b = 0; b < ECMP_BUCKETS; b++)
		if ((taker = holder(deal, b)) != NULL)
			taker->tied[tie(deal, b, taker)]++;
	for (unsigned b = 0; b < ECMP_BUCKETS; b++) {
		taker = holder(deal, b);
		if (taker == NULL)
			continue;
		enum tie how = tie(deal, b, taker);
		unsigned kept = kept_of(taker, how), of = taker->tied[how];
		unsigned place = seen[taker - deal->takers][how]++;
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

		if (deal->owner[b] != ECMP_NOBODY || meant == ECMP_NOBODY ||
			wanted[deal->seat[meant]] == 0)
			continue;
		deal->owner[b] = meant;
		wanted[deal->seat[meant]]--;
		total--;
	}
	for (unsigned b = 0; b < ECMP_BUCKETS; b++) {
		unsigned next = 0;

		if (deal->owner[b] != ECMP_NOBODY)
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
	memset(deal->plan, ECMP_NOBODY, sizeof(deal->plan));
	memset(fresh.plan, ECMP_NOBODY, sizeof(fresh.plan));
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
	settle(deal, count(deal), leveling);
	keep(deal);
	hand_out(deal);
}

static void
deal_homes(struct ecmp_table *table, const struct ecmp_past *past)
{
	struct deal deal = { .before = past->home, .owner = table->home };

	for (unsigned i = 0; i < table->n_members; i++)
		admit(&deal, &table->members[i], i);
	memset(table->home, ECMP_NOBODY, sizeof(table->home));
	make_plan(&deal);
	ecmp_past_prefer(past, deal.plan);
	run(&deal, LEVEL_ALL);
}

/*
 * Members that only went away leave everything else alone: their buckets are dealt, and rounding
 * moves no other. A member that came, or homes that moved, change everybody's share.
 */
static enum leveling
leveling_of_actives(const struct ecmp_table *table, const struct ecmp_past *past)
{
	for (unsigned i = 0; i < table->n_members; i++)
		if (table->members[i].up && !past->up[i])
			return LEVEL_ALL;
	return memcmp(table->home, past->home, sizeof(table->home)) == 0 ? LEVEL_OPEN_ONLY
									 : LEVEL_ALL;
}

static void
deal_actives(struct ecmp_table *table, const struct ecmp_past *past)
{
	struct deal deal = { .before = past->active, .owner = table->active };

	memset(deal.seat, ECMP_NOBODY, sizeof(deal.seat));
	for (unsigned i = 0; i < table->n_members; i++)
		if (table->members[i].up)
			admit(&deal, &table->members[i], i);
	if (deal.n == 0) {
		memcpy(table->active, table->home, sizeof(table->active));
		return;
	}
	for (unsigned b = 0; b < ECMP_BUCKETS; b++) {
		uint8_t home = table->home[b];

		table->active[b] = table->members[home].up ? home : ECMP_NOBODY;
	}
	make_plan(&deal);
	run(&deal, leveling_of_actives(table, past));
}

void
ecmp_build(struct ecmp_table *table, const struct ecmp_member members[], unsigned n,
	const struct ecmp_table *previous)
{
	struct ecmp_past past;

	assert(n >= 1 && n <= GROUP_MEMBERS_MAX && table != previous);
	*table = (struct ecmp_table) { .n_members = (uint16_t)n };
	memcpy(table->members, members, n * sizeof(members[0]));
	ecmp_past_recall(&past, table, previous);
	deal_homes(table, &past);
	deal_actives(table, &past);
}
