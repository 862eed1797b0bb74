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
#define TIMED_MESSAGES 16u
#define MESSAGE_ROOM 1600
#define TRIES 24 /* the fastest counts: whatever else the CPU does makes it only slower */
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
	/* One beside the other, as packets are: where a single one lies may favour a code. */
	CACHE_ALIGNED uint8_t messages[TIMED_MESSAGES][MESSAGE_ROOM];
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

/* So many bytes, and their tag behind them. */
static void
run(struct bench *bench, aes_gcm_enc_dec_t function, const struct gcm_key_data *table,
	const uint8_t *from, unsigned bytes, uint8_t *to)
{
	function(table, &bench->context, to, from, bytes, bench->nonce, bench->aad,
		sizeof(bench->aad), to + bytes, AEAD_ICV_BYTES);
}

/* Does the wide code do with the narrow one's table what it does with its own? */
static bool
takes_either_table(struct bench *bench, aes_gcm_enc_dec_t wide)
{
	for (unsigned bytes = 0; bytes <= COMPARED_BYTES_MAX; bytes += COMPARED_STEP) {
		run(bench, wide, &bench->wide_table, bench->text, bytes, bench->one);
		run(bench, wide, &bench->narrow_table, bench->text, bytes, bench->other);
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
		run(bench, function, &bench->narrow_table, bench->messages[i], bytes,
			bench->messages[i]);
	return __rdtsc() - start;
}

/* Cycles that the narrow code gains at that length, less what makes it worth while. By turns, so
 * that both see the same machine. */
static int64_t
gain(struct bench *bench, const struct gcm_code *code, unsigned bytes)
{
	uint64_t wide = UINT64_MAX, narrow = UINT64_MAX;

	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t cycles = time_once(bench, code->wide, bytes);

		wide = cycles < wide ? cycles : wide;
		cycles = time_once(bench, code->narrow, bytes);
		narrow = cycles < narrow ? cycles : narrow;
	}
	return (int64_t)wide - (int64_t)(narrow + narrow / WORTH);
}

/* Long messages are where the narrow code can win: it takes them down to where it gains most in
 * all, so that one length that was timed badly decides nothing. */
static uint16_t
find_from(struct bench *bench, const struct gcm_code *code)
{
	unsigned from = UINT16_MAX;
	int64_t sum = 0, most = 0;

	for (unsigned i = 0; i < ARRAY_LEN(timed_bytes); i++) {
		sum += gain(bench, code, timed_bytes[i]);
		if (sum <= most)
			continue;
		most = sum;
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
				code->narrow_from = find_from(&bench, code);
		}
	}
}
