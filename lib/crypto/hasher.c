/* SPDX-License-Identifier: BSD-3-Clause */
#include "hasher.h"

#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#include "compiler.h"
#include "manager.h"

/* What is timed: messages as ESP has them, from a TCP acknowledgment to a full Ethernet frame, in
 * full lanes and one by one. */
#define SHORT_BYTES 96u
#define LONG_BYTES 1440u
#define MANY 64u
#define TRIES 7 /* the fastest counts: whatever else the CPU does makes it only slower */

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

void
hasher_burst(struct hasher *hasher, IMB_JOB jobs[], unsigned n, enum mac mac)
{
	const struct hasher_choice *choice = &hasher->choice[mac];
	unsigned longer = n;

	if (hasher->narrow != NULL) {
		longer = count_longer(jobs, n, choice->bytes);
		if (longer <= choice->few)
			longer = 0;
	}
	submit(hasher->wide, jobs, longer, mac);
	submit(hasher->narrow, jobs + longer, n - longer, mac);
}

/* What a burst is timed with: all jobs hash the same bytes. */
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

/* Cycles that each kind of code takes for the same. */
struct race {
	int64_t wide, narrow;
};

static struct race
time_both(
	const struct hasher *hasher, struct bench *bench, unsigned n, unsigned bytes, enum mac mac)
{
	struct race best = { INT64_MAX, INT64_MAX };

	for (unsigned i = 0; i < TRIES; i++) {
		int64_t wide = (int64_t)time_once(hasher->wide, bench, n, bytes, mac);
		int64_t narrow = (int64_t)time_once(hasher->narrow, bench, n, bytes, mac);

		best.wide = wide < best.wide ? wide : best.wide;
		best.narrow = narrow < best.narrow ? narrow : best.narrow;
	}
	return best;
}

/* A burst takes so much for each packet and so much for each byte, so two lengths tell of all. */
static struct hasher_choice
choose(const struct hasher *hasher, struct bench *bench, enum mac mac)
{
	struct race of_short = time_both(hasher, bench, MANY, SHORT_BYTES, mac);
	struct race of_long = time_both(hasher, bench, MANY, LONG_BYTES, mac);
	struct race single = time_both(hasher, bench, 1, LONG_BYTES, mac);
	int64_t gain_short = of_short.wide - of_short.narrow;
	int64_t gain_long = of_long.wide - of_long.narrow;
	int64_t few = single.wide * (int64_t)MANY / (of_long.narrow + 1);
	struct hasher_choice choice = { 0, (uint16_t)(few < MANY ? few : MANY) };

	if (gain_short > 0 && gain_long > 0)
		choice.bytes = UINT16_MAX;
	else if (gain_short > 0)
		choice.bytes = (uint16_t)(SHORT_BYTES +
			gain_short * (int64_t)(LONG_BYTES - SHORT_BYTES) /
				(gain_short - gain_long));
	return choice;
}

void
hasher_init(struct hasher *hasher, IMB_MGR *wide, IMB_MGR *narrow)
{
	struct bench bench = { 0 };

	*hasher = (struct hasher) { .wide = wide, .narrow = narrow };
	if (narrow == NULL)
		return;
	for (enum mac mac = 0; mac < MAC_COUNT; mac++)
		hasher->choice[mac] = choose(hasher, &bench, mac);
}

void
hasher_fini(struct hasher *hasher)
{
	manager_destroy(hasher->narrow);
}
