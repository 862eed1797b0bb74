/* SPDX-License-Identifier: BSD-3-Clause */
#include "hasher.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#include "compiler.h"
#include "manager.h"

/* Every so often, about, a burst of so many messages is a trial, of the two kinds by turns: often
 * enough to follow what changes within some ten milliseconds, seldom enough to cost nothing. */
#define TRIAL_EVERY 128
#define TRIAL_FEWEST 32
#define TRIAL_WEIGHT 8 /* a sample counts for an eighth */
#define TRIAL_STRAY 2  /* more than so many times the usual tells of an interruption */

/* What is timed at start: messages as ESP has them, from a TCP acknowledgment to a full Ethernet
 * frame, in full lanes and one by one. */
#define SHORT_BYTES 96u
#define LONG_BYTES 1440u
#define MANY 64u
#define TRIES 5 /* the fastest counts: whatever else the CPU does makes it only slower */

#define UNIT_BYTES 65536 /* of cost */
#define FIXED_BYTES 192  /* that a message's beginning and end cost as much as: see cost_of() */
#define STATE_BYTES_MAX 64
#define TAG_BYTES_MAX 32

const IMB_HASH_ALG hasher_algorithms[MAC_COUNT] = {
	[MAC_HMAC_SHA1] = IMB_AUTH_HMAC_SHA_1,
	[MAC_HMAC_SHA256] = IMB_AUTH_HMAC_SHA_256,
	[MAC_HMAC_SHA384] = IMB_AUTH_HMAC_SHA_384,
	[MAC_HMAC_SHA512] = IMB_AUTH_HMAC_SHA_512,
};

/* Unchecked, the library writes the ICVs that RFC 2404 and RFC 4868 know and no others. */
static const uint8_t tag_bytes[MAC_COUNT] = { 12, 16, 24, 32 };

static void
submit(IMB_MGR *manager, IMB_JOB jobs[], unsigned n, enum mac mac)
{
	if (n > 0 &&
		unlikely(IMB_SUBMIT_HASH_BURST_NOCHECK(manager, jobs, n, hasher_algorithms[mac]) !=
			n))
		abort();
}

/* Jobs that are longer than that: they stand in front. */
static unsigned
count_longer(const IMB_JOB jobs[], unsigned n, unsigned bytes)
{
	unsigned longer = 0;

	while (longer < n) {
		unsigned middle = (longer + n) / 2;

		if (jobs[middle].msg_len_to_hash_in_bytes > bytes)
			longer = middle + 1;
		else
			n = middle;
	}
	return longer;
}

static unsigned
class_of(uint64_t bytes)
{
	uint64_t class = bytes / HASHER_CLASS_BYTES;

	return class < HASHER_CLASSES ? (unsigned)class : HASHER_CLASSES - 1;
}

/* Cycles for a unit: so that messages of one class compare, though their lengths differ. */
static uint32_t
cost_of(uint64_t cycles, uint64_t messages, uint64_t bytes)
{
	uint64_t cost = cycles * UNIT_BYTES / (bytes + messages * FIXED_BYTES);

	return cost < INT32_MAX ? (uint32_t)cost : INT32_MAX;
}

/* Short messages are where the narrow code can win, so it takes them up to where it does not. */
static void
decide(struct hasher_choice *choice)
{
	unsigned class = 0;

	while (class < HASHER_CLASSES &&
		choice->cost[class][HASHER_NARROW] < choice->cost[class][HASHER_WIDE])
		class ++;
	choice->bytes = class == HASHER_CLASSES ? UINT16_MAX
		: class == 0                    ? 0
						: (uint16_t)(class * HASHER_CLASS_BYTES - 1);
}

static void
learn(struct hasher_choice *choice, unsigned class, enum hasher_kind kind, uint32_t cost)
{
	uint32_t *usual = &choice->cost[class][kind];
	int64_t most = (int64_t)*usual * TRIAL_STRAY;
	int64_t sample = cost < most ? cost : most;

	*usual = (uint32_t)(*usual + (sample - *usual) / TRIAL_WEIGHT);
	decide(choice);
}

/* Has one kind do all of a burst, each class of lengths by itself, and learns what it took. */
static void
try_out(struct hasher *hasher, IMB_JOB jobs[], unsigned n, enum mac mac)
{
	struct hasher_choice *choice = &hasher->choice[mac];
	IMB_MGR *manager = hasher->manager[choice->kind];

	for (unsigned first = 0, next; first < n; first = next) {
		unsigned class = class_of(jobs[first].msg_len_to_hash_in_bytes);
		uint64_t bytes = 0;

		for (next = first; next < n; next++) {
			if (class_of(jobs[next].msg_len_to_hash_in_bytes) != class)
				break;
			bytes += jobs[next].msg_len_to_hash_in_bytes;
		}
		uint64_t start = __rdtsc();
		submit(manager, jobs + first, next - first, mac);
		if (next - first >= TRIAL_FEWEST)
			learn(choice, class, choice->kind,
				cost_of(__rdtsc() - start, next - first, bytes));
	}
}

/* Is it time for a trial? After intervals that no pattern of the traffic has, or it might always be
 * the same kind of burst. */
static inline bool
is_trial(struct hasher_choice *choice)
{
	if (likely(choice->until_trial > 0)) {
		choice->until_trial--;
		return false;
	}
	choice->until_trial = (uint16_t)(TRIAL_EVERY / 2 + __rdtsc() % TRIAL_EVERY);
	choice->kind = !choice->kind;
	return true;
}

void
hasher_burst(struct hasher *hasher, IMB_JOB jobs[], unsigned n, enum mac mac)
{
	struct hasher_choice *choice = &hasher->choice[mac];
	unsigned longer = n;

	if (hasher->manager[HASHER_NARROW] != NULL) {
		if (n >= TRIAL_FEWEST && unlikely(is_trial(choice))) {
			try_out(hasher, jobs, n, mac);
			return;
		}
		longer = count_longer(jobs, n, choice->bytes);
		if (longer <= choice->few)
			longer = 0;
	}
	submit(hasher->manager[HASHER_WIDE], jobs, longer, mac);
	submit(hasher->manager[HASHER_NARROW], jobs + longer, n - longer, mac);
}

/* What is timed at start: all jobs hash the same bytes. */
struct bench {
	IMB_JOB jobs[MANY];
	uint8_t message[LONG_BYTES];
	uint8_t state[STATE_BYTES_MAX];
	uint8_t tags[MANY][TAG_BYTES_MAX];
};

/* Cycles of one burst of n messages. */
static uint64_t
time_once(IMB_MGR *manager, struct bench *bench, unsigned n, unsigned bytes, enum mac mac)
{
	uint64_t start;

	for (unsigned i = 0; i < n; i++)
		bench->jobs[i] = (IMB_JOB) {
			.src = bench->message,
			.msg_len_to_hash_in_bytes = bytes,
			.auth_tag_output = bench->tags[i],
			.auth_tag_output_len_in_bytes = tag_bytes[mac],
			.u.HMAC._hashed_auth_key_xor_ipad = bench->state,
			.u.HMAC._hashed_auth_key_xor_opad = bench->state,
		};
	start = __rdtsc();
	submit(manager, bench->jobs, n, mac);
	return __rdtsc() - start;
}

static uint64_t
time_best(IMB_MGR *manager, struct bench *bench, unsigned n, unsigned bytes, enum mac mac)
{
	uint64_t best = UINT64_MAX;

	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t cycles = time_once(manager, bench, n, bytes, mac);

		best = cycles < best ? cycles : best;
	}
	return best;
}

/* A burst takes so much for each message and so much for each byte: two lengths tell of all. */
static void
fill_costs(struct hasher *hasher, struct bench *bench, enum hasher_kind kind, enum mac mac)
{
	IMB_MGR *manager = hasher->manager[kind];
	int64_t of_short = (int64_t)time_best(manager, bench, MANY, SHORT_BYTES, mac);
	int64_t of_long = (int64_t)time_best(manager, bench, MANY, LONG_BYTES, mac);

	for (unsigned class = 0; class < HASHER_CLASSES; class ++) {
		unsigned bytes = class * HASHER_CLASS_BYTES + HASHER_CLASS_BYTES / 2;
		int64_t cycles = of_short +
			(of_long - of_short) * ((int64_t)bytes - SHORT_BYTES) /
				(int64_t)(LONG_BYTES - SHORT_BYTES);

		hasher->choice[mac].cost[class][kind] =
			cost_of((uint64_t)cycles, MANY, (uint64_t)MANY * bytes);
	}
}

static void
choose(struct hasher *hasher, struct bench *bench, enum mac mac)
{
	IMB_MGR *wide = hasher->manager[HASHER_WIDE], *narrow = hasher->manager[HASHER_NARROW];
	struct hasher_choice *choice = &hasher->choice[mac];
	uint64_t few = MANY * time_best(wide, bench, 1, LONG_BYTES, mac) /
		time_best(narrow, bench, MANY, LONG_BYTES, mac);

	choice->few = (uint16_t)(few < MANY ? few : MANY);
	fill_costs(hasher, bench, HASHER_WIDE, mac);
	fill_costs(hasher, bench, HASHER_NARROW, mac);
	decide(choice);
}

void
hasher_init(struct hasher *hasher, IMB_MGR *wide, IMB_MGR *narrow)
{
	struct bench bench = { 0 };

	*hasher = (struct hasher) {
		.manager = { [HASHER_WIDE] = wide, [HASHER_NARROW] = narrow },
	};
	if (narrow == NULL)
		return;
	for (enum mac mac = 0; mac < MAC_COUNT; mac++)
		choose(hasher, &bench, mac);
}

void
hasher_fini(struct hasher *hasher)
{
	manager_destroy(hasher->manager[HASHER_NARROW]);
}
