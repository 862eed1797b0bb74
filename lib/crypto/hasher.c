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
#define TRIAL_WEIGHT 0.125f /* of a sample */
#define TRIAL_STRAY 2       /* more than so many times the usual tells of an interruption */

/* What is timed at start: messages as ESP has them, from a TCP acknowledgment to a full Ethernet
 * frame, in full lanes and one by one. */
#define SHORT_BYTES 96u
#define LONG_BYTES 1440u
#define MANY 64u
#define TRIES 5 /* the fastest counts: whatever else the CPU does makes it only slower */

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

static float
cycles_of(const struct hasher_cost *cost, float messages, float bytes)
{
	return (messages * cost->message_cycles + bytes * cost->byte_cycles) * cost->slowdown;
}

/* The narrow code begins a message with less ado and loses some of that with each byte. It takes
 * what is so short that it stays ahead; all, where it is still ahead at the end. */
static void
decide(struct hasher_choice *choice)
{
	const struct hasher_cost *wide = &choice->cost[HASHER_WIDE];
	const struct hasher_cost *narrow = &choice->cost[HASHER_NARROW];
	float ahead = cycles_of(wide, 1, 0) - cycles_of(narrow, 1, 0);
	float ahead_at_end = cycles_of(wide, 1, LONG_BYTES) - cycles_of(narrow, 1, LONG_BYTES);
	float few = choice->alone_cycles * wide->slowdown / cycles_of(narrow, 1, LONG_BYTES);

	choice->bytes = ahead_at_end > 0 ? UINT16_MAX
		: ahead <= 0             ? 0
					 : (uint16_t)(LONG_BYTES * ahead / (ahead - ahead_at_end));
	choice->few = (uint16_t)(few < MANY ? few : MANY);
}

/* Has one kind do all of a burst, and learns what that took. */
static void
try_out(struct hasher *hasher, IMB_JOB jobs[], unsigned n, enum mac mac)
{
	struct hasher_choice *choice = &hasher->choice[mac];
	struct hasher_cost *cost = &choice->cost[choice->kind];
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++)
		bytes += jobs[i].msg_len_to_hash_in_bytes;

	uint64_t start = __rdtsc();
	submit(hasher->manager[choice->kind], jobs, n, mac);
	float cycles = (float)(__rdtsc() - start);
	float strayed = cycles / cycles_of(cost, (float)n, (float)bytes);

	if (strayed > TRIAL_STRAY)
		strayed = TRIAL_STRAY;
	cost->slowdown *= 1 + (strayed - 1) * TRIAL_WEIGHT;
	decide(choice);
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

/* Two lengths tell of all. Nothing is less than free, even where a disturbance says so. */
static struct hasher_cost
cost_of(IMB_MGR *manager, struct bench *bench, enum mac mac)
{
	float of_short = (float)time_best(manager, bench, MANY, SHORT_BYTES, mac) / MANY;
	float of_long = (float)time_best(manager, bench, MANY, LONG_BYTES, mac) / MANY;
	float of_byte = (of_long - of_short) / (LONG_BYTES - SHORT_BYTES);
	float of_message = of_short - of_byte * SHORT_BYTES;

	return (struct hasher_cost) {
		.message_cycles = of_message > 0 ? of_message : 0,
		.byte_cycles = of_byte > 0 ? of_byte : 0,
		.slowdown = 1,
	};
}

static void
choose(struct hasher *hasher, struct bench *bench, enum mac mac)
{
	struct hasher_choice *choice = &hasher->choice[mac];

	for (enum hasher_kind kind = 0; kind < HASHER_KINDS; kind++)
		choice->cost[kind] = cost_of(hasher->manager[kind], bench, mac);
	choice->alone_cycles =
		(float)time_best(hasher->manager[HASHER_WIDE], bench, 1, LONG_BYTES, mac);
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
