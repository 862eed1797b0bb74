/* SPDX-License-Identifier: BSD-3-Clause */
#include "gcm_code.h"

#include <stdbool.h>
#include <string.h>
#include <x86intrin.h>

#include "aead.h"

/* Lengths at which the codes are compared: any number of blocks, and any rest. */
#define COMPARED_BYTES_MAX 1500u
#define COMPARED_STEP 7u

/* Lengths at which they are timed, from a full Ethernet frame's down. */
static const uint16_t timed_bytes[] = { 1424, 1024, 768, 512, 384 };
#define TIMED_MESSAGES 4u /* few: a short time is seldom disturbed */
#define TRIES 32          /* the fastest counts: whatever else the CPU does makes it only slower */
#define WORTH 64 /* what is faster by less than this part of it is not worth a second code */

#define KEY_BYTES_MAX 32

/* What a comparison works with. */
struct bench {
	CACHE_ALIGNED struct gcm_key_data wide_table, narrow_table;
	struct gcm_context_data context;
	uint8_t nonce[NONCE_BYTES];
	uint8_t aad[ESP_HEADER_BYTES];
	CACHE_ALIGNED uint8_t text[COMPARED_BYTES_MAX];
	CACHE_ALIGNED uint8_t one[COMPARED_BYTES_MAX + ICV_BYTES_MAX];
	CACHE_ALIGNED uint8_t other[COMPARED_BYTES_MAX + ICV_BYTES_MAX];
};

static aes_gcm_enc_dec_t
function_of(const IMB_MGR *manager, unsigned size, enum crypto_direction direction)
{
	const aes_gcm_enc_dec_t functions[GCM_KEY_SIZES][2] = {
		{ manager->gcm128_enc, manager->gcm128_dec },
		{ manager->gcm192_enc, manager->gcm192_dec },
		{ manager->gcm256_enc, manager->gcm256_dec },
	};

	return functions[size][direction];
}

void
gcm_code_expand(IMB_MGR *manager, unsigned size, const uint8_t *key, struct gcm_key_data *table)
{
	const aes_gcm_pre_t functions[GCM_KEY_SIZES] = {
		manager->gcm128_pre,
		manager->gcm192_pre,
		manager->gcm256_pre,
	};

	functions[size](key, table);
}

/* The text's first bytes, and their tag behind them. */
static void
run(struct bench *bench, aes_gcm_enc_dec_t function, const struct gcm_key_data *table,
	unsigned bytes, uint8_t *to)
{
	function(table, &bench->context, to, bench->text, bytes, bench->nonce, bench->aad,
		sizeof(bench->aad), to + bytes, AEAD_ICV_BYTES);
}

/* Does the wide code do with the narrow one's table what it does with its own? */
static bool
takes_either_table(struct bench *bench, aes_gcm_enc_dec_t wide)
{
	for (unsigned bytes = 0; bytes <= COMPARED_BYTES_MAX; bytes += COMPARED_STEP) {
		run(bench, wide, &bench->wide_table, bytes, bench->one);
		run(bench, wide, &bench->narrow_table, bytes, bench->other);
		if (memcmp(bench->one, bench->other, bytes + AEAD_ICV_BYTES) != 0)
			return false;
	}
	return true;
}

static const uint8_t any_key[KEY_BYTES_MAX] = { 1, 2, 3 };

static bool
share_tables(struct bench *bench, IMB_MGR *wide, IMB_MGR *narrow)
{
	bool share = true;

	for (unsigned size = 0; share && size < GCM_KEY_SIZES; size++) {
		gcm_code_expand(wide, size, any_key, &bench->wide_table);
		gcm_code_expand(narrow, size, any_key, &bench->narrow_table);
		for (enum crypto_direction d = CRYPTO_SEAL; d <= CRYPTO_OPEN; d++)
			share = share && takes_either_table(bench, function_of(wide, size, d));
	}
	return share;
}

static uint64_t
time_once(struct bench *bench, aes_gcm_enc_dec_t function, unsigned bytes)
{
	uint64_t start = __rdtsc();

	for (unsigned i = 0; i < TIMED_MESSAGES; i++)
		run(bench, function, &bench->narrow_table, bytes, bench->one);
	return __rdtsc() - start;
}

/* Is the narrow code so much faster at that length that it is worth it? By turns, so that both see
 * the same machine. */
static bool
narrow_wins(struct bench *bench, const struct gcm_code *code, unsigned bytes)
{
	uint64_t wide = UINT64_MAX, narrow = UINT64_MAX;

	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t cycles = time_once(bench, code->wide, bytes);

		wide = cycles < wide ? cycles : wide;
		cycles = time_once(bench, code->narrow, bytes);
		narrow = cycles < narrow ? cycles : narrow;
	}
	return narrow + narrow / WORTH < wide;
}

/* Long messages are where the narrow code can win, so it takes them down to where it does not. */
static uint16_t
first_win(struct bench *bench, const struct gcm_code *code)
{
	unsigned from = UINT16_MAX;

	for (unsigned i = 0; i < ARRAY_LEN(timed_bytes); i++) {
		if (!narrow_wins(bench, code, timed_bytes[i]))
			break;
		from = timed_bytes[i] + AEAD_PAYLOAD_AT;
	}
	return (uint16_t)from;
}

void
gcm_codes_init(struct gcm_codes *codes, IMB_MGR *wide, IMB_MGR *narrow)
{
	struct bench bench = { 0 };
	bool both = narrow != NULL && share_tables(&bench, wide, narrow);

	codes->expander = both ? narrow : wide;
	for (unsigned size = 0; size < GCM_KEY_SIZES; size++) {
		gcm_code_expand(codes->expander, size, any_key, &bench.narrow_table);
		for (enum crypto_direction d = CRYPTO_SEAL; d <= CRYPTO_OPEN; d++) {
			struct gcm_code *code = &codes->of[size][d];

			*code = (struct gcm_code) {
				.wide = function_of(wide, size, d),
				.narrow = function_of(codes->expander, size, d),
				.narrow_from = UINT16_MAX,
			};
			if (both)
				code->narrow_from = first_win(&bench, code);
		}
	}
}
