/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <intel-ipsec-mb.h>

#include "crypto.h"
#include "gcm_code.h"
#include "hasher.h"
#include "iv.h"
#include "order.h"

/*
 * What the engine's files share: a worker's state, the groups of ops that may share a burst, and
 * the layout of ESP packets and of key schedules. Internal to lib/crypto.
 */

/* RFC 4303 section 2: the ESP header; then the IV, the payload, the ICV. */
#define ESP_HEADER_BYTES 8
#define ESP_SEQUENCE_AT 4
#define ESN_HIGH_BYTES 4
#define ICV_BYTES_MAX 32

#define NONCE_BYTES 12

/* What a packet brings to an AEAD besides its payload. */
struct aead_input {
	uint8_t nonce[NONCE_BYTES];                     /* salt, IV */
	uint8_t aad[ESP_HEADER_BYTES + ESN_HIGH_BYTES]; /* with ESN; else it is in the packet */
};

struct crypto {
	/* One array serves cipher and hash bursts: cbc_hmac.c */
	CACHE_ALIGNED IMB_JOB jobs[BURST_PKTS];
	CACHE_ALIGNED uint8_t computed[BURST_PKTS][ICV_BYTES_MAX]; /* ICVs as they should be */
	uint8_t received[BURST_PKTS][ICV_BYTES_MAX]; /* ICVs that ESN's high half displaced */
	struct order order;
	/* The ops that the latest verification found all ok, in one run, whose jobs also say how to
	 * decrypt them; NULL: there are none. */
	const struct crypto_op *prepared;
	unsigned n_prepared;
	struct iv_source ivs;
	IMB_MGR *manager;
	struct hasher hasher;
	struct gcm_codes gcm_codes;
	struct gcm_context_data gcm;
	struct aead_input inputs[BURST_PKTS]; /* AEADs */
	char description[96];
};

/* How the ops of a group are done. Functions take a run, that is ops of this group alone. */
struct group {
	void (*seal)(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run);
	void (*verify)(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run);
	/* NULL where verify() decrypts */
	void (*decrypt)(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run);

	/* Fills key->schedule, which has this size. */
	void (*expand)(struct crypto *crypto, struct crypto_key *key,
		enum crypto_direction direction, const uint8_t *encryption_key,
		const uint8_t *authentication_key);
	uint16_t schedule_bytes;

	IMB_KEY_SIZE_BYTES key_size;
	bool shifts;  /* sealing is faster to an aligned place: crypto_esp_alignment() */
	enum mac mac; /* CBC */
	/* CBC: HMAC's inner state, its outer one, then AES's round keys */
	uint8_t state_bytes;
	uint8_t rounds_at;
};

/* Indexed by crypto_key.group less KEY_ESN: AES-CBC by key size and MAC, AES-GCM by key size,
 * ChaCha20. */
#define GROUP_CBC(size, mac) ((size)*4 + (mac))
#define GROUP_GCM(size) (12 + (size))
#define GROUP_CHACHA20 15
#define GROUP_COUNT 16

_Static_assert(GROUP_COUNT <= KEY_ESN, "a bit of its own");
_Static_assert(2 * KEY_ESN <= ORDER_GROUPS_MAX, "order.c sorts that many groups");

extern const struct group engine_groups[GROUP_COUNT];

/* How the keys of that group, or the ops of a run of it, are done. */
static inline const struct group *
engine_group(uint8_t group)
{
	return &engine_groups[group & ~KEY_ESN];
}

void cbc_hmac_expand(struct crypto *crypto, struct crypto_key *key, enum crypto_direction direction,
	const uint8_t *encryption_key, const uint8_t *authentication_key);
void cbc_hmac_seal(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run);
void cbc_hmac_verify(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run);
void cbc_hmac_decrypt(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run);

/* cbc_hmac_seal() with IVs given, by place in the run: for known answers only. */
void cbc_hmac_seal_with(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run,
	const uint8_t ivs[][IV_BYTES]);

/*
 * The schedule of an AEAD begins with what its IVs are XORed with, random per installation (design:
 * never a counter alone on the wire); then ChaCha20's key, or AES-GCM's tables, which the library
 * wants to begin a cache line, as the whole key does.
 */
#define AEAD_IV_XOR_BYTES 8
#define CHACHA20_KEY_AT AEAD_IV_XOR_BYTES
#define GCM_SCHEDULE_AT (CACHE_LINE_BYTES - sizeof(struct crypto_key))

static inline const struct gcm_key_data *
gcm_schedule(const struct crypto_key *key)
{
	return (const struct gcm_key_data *)(key->schedule + GCM_SCHEDULE_AT);
}

void gcm_expand(struct crypto *crypto, struct crypto_key *key, enum crypto_direction direction,
	const uint8_t *encryption_key, const uint8_t *authentication_key);
void gcm_seal(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run);
void gcm_verify(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run);

void chacha20_expand(struct crypto *crypto, struct crypto_key *key, enum crypto_direction direction,
	const uint8_t *encryption_key, const uint8_t *authentication_key);
void chacha20_seal(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run);
void chacha20_verify(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run);

/*
 * The library's count of jobs done falls short only where it does not know the algorithm, which
 * the self-test would have found. If it ever does: no plaintext on the wire, no packet accepted
 * without proof.
 */
static inline void
require_all(uint32_t done, unsigned n)
{
	if (unlikely(done != n))
		abort();
}

/*
 * ICVs have 12, 16, 24 or 32 bytes: two words of 8 that may overlap, or three or four. Nothing is
 * read or written beyond.
 */
#define ICV_WORD 8
#define ICV_TWO_WORDS (2 * ICV_WORD)

static inline uint64_t
icv_word_difference(const uint8_t *a, const uint8_t *b)
{
	uint64_t x, y;

	__builtin_memcpy(&x, a, ICV_WORD);
	__builtin_memcpy(&y, b, ICV_WORD);
	return x ^ y;
}

/* Are they the same? Takes the same time wherever they differ: the time of memcmp() would tell a
 * forger how many bytes are right already. */
static inline bool
icv_equal(const uint8_t *a, const uint8_t *b, unsigned bytes)
{
	uint64_t difference = icv_word_difference(a, b);

	difference |= icv_word_difference(a + bytes - ICV_WORD, b + bytes - ICV_WORD);
	if (bytes > ICV_TWO_WORDS) {
		difference |= icv_word_difference(a + ICV_WORD, b + ICV_WORD);
		difference |=
			icv_word_difference(a + bytes - ICV_TWO_WORDS, b + bytes - ICV_TWO_WORDS);
	}
	return difference == 0;
}

static inline void
icv_copy(uint8_t *to, const uint8_t *from, unsigned bytes)
{
	__builtin_memcpy(to, from, ICV_WORD);
	__builtin_memcpy(to + bytes - ICV_WORD, from + bytes - ICV_WORD, ICV_WORD);
	if (bytes > ICV_TWO_WORDS) {
		__builtin_memcpy(to + ICV_WORD, from + ICV_WORD, ICV_WORD);
		__builtin_memcpy(
			to + bytes - ICV_TWO_WORDS, from + bytes - ICV_TWO_WORDS, ICV_WORD);
	}
}
