/* SPDX-License-Identifier: BSD-3-Clause */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"
#include "vectors.h"

/*
 * Known answers at each start: the library has a dozen implementations of each algorithm, and the
 * one that this machine takes may never have run before.
 *
 * For the AEADs there are published ESP packets (vectors.h). For CBC with HMAC there are none, so
 * cipher and MAC are proved apart, and then that sealing puts them together as verifying takes them
 * apart. Last, that packets can be sealed to a place a little before their own, up to 1500 bytes.
 */

#define COPIES 33 /* packets at once: two full sets of 16 lanes, and a rest */
#define PACKET_BYTES 1600
#define KEY_BYTES_MAX 64
#define TEXT_BYTES_MAX 96
#define LAST_BLOCK_BYTES 16 /* of AES */

/* Room for the largest key, aligned as crypto.h wants it. */
struct key_room {
	CACHE_ALIGNED uint8_t bytes[CACHE_LINE_BYTES + sizeof(struct gcm_key_data)];
};

/* What a test works with; the keys are published ones. */
struct bench {
	struct crypto *crypto;
	struct crypto_op ops[COPIES];
	CACHE_ALIGNED uint8_t packets[COPIES][PACKET_BYTES];
	struct key_room keys[2]; /* seal, open */
};

/* Returns the bytes written. The texts are those above: well formed, and they fit. */
static unsigned
unhex(const char *text, uint8_t *bytes)
{
	unsigned n = (unsigned)strlen(text) / 2;

	for (unsigned i = 0; i < n; i++) {
		unsigned value;

		sscanf(text + 2 * i, "%2x", &value);
		bytes[i] = (uint8_t)value;
	}
	return n;
}

static struct crypto_key *
bench_key(struct bench *bench, enum crypto_direction direction)
{
	return (struct crypto_key *)bench->keys[direction].bytes;
}

/* Fills every packet with the same bytes; `bytes` of them are before the ICV. */
static void
lay_out(struct bench *bench, enum crypto_direction direction, const uint8_t *packet, unsigned bytes)
{
	for (unsigned i = 0; i < COPIES; i++) {
		memcpy(bench->packets[i], packet, PACKET_BYTES);
		bench->ops[i] = (struct crypto_op) {
			.key = bench_key(bench, direction),
			.esp = bench->packets[i],
			.esn_high_be = bench->ops[i].esn_high_be,
			.bytes = (uint16_t)bytes,
		};
	}
}

/* Do all packets hold these bytes there? */
static bool
all_hold(const struct bench *bench, unsigned at, const uint8_t *expected, unsigned bytes)
{
	for (unsigned i = 0; i < COPIES; i++)
		if (memcmp(bench->packets[i] + at, expected, bytes) != 0)
			return false;
	return true;
}

/* Is packet `forged` the only one that does not verify? COPIES: none. */
static bool
verifies(struct bench *bench, unsigned forged)
{
	crypto_verify(bench->crypto, bench->ops, COPIES);
	for (unsigned i = 0; i < COPIES; i++)
		if (bench->ops[i].ok != (i != forged))
			return false;
	return true;
}

static void
seal_with_vector_iv(struct bench *bench, const uint8_t *iv)
{
	uint8_t ivs[COPIES][IV_BYTES];
	const struct order_run *run = bench->crypto->order.runs;

	for (unsigned i = 0; i < COPIES; i++)
		memcpy(ivs[i], iv, IV_BYTES);
	order_by_group(&bench->crypto->order, bench->ops, COPIES);
	cbc_hmac_seal_with(bench->crypto, bench->ops, run, (const uint8_t(*)[IV_BYTES])ivs);
}

/* NULL, or what is wrong. */
static const char *
test_cbc_hmac(struct bench *bench, struct suite suite, const struct cbc_vector *vector)
{
	const unsigned payload_at = ESP_HEADER_BYTES + IV_BYTES;
	uint8_t packet[PACKET_BYTES] = { 0 };
	uint8_t key[KEY_BYTES_MAX], mac_key[KEY_BYTES_MAX], iv[IV_BYTES];
	uint8_t plaintext[TEXT_BYTES_MAX], ciphertext[TEXT_BYTES_MAX];
	unsigned text_bytes = unhex(cbc_plaintext, plaintext);
	unsigned bytes = payload_at + text_bytes;

	unhex(vector->key, key);
	unhex(vector->ciphertext, ciphertext);
	unhex(cbc_iv, iv);
	memset(mac_key, 0x0b, sizeof(mac_key));
	for (enum crypto_direction d = CRYPTO_SEAL; d <= CRYPTO_OPEN; d++)
		if (crypto_key_init(bench->crypto, bench_key(bench, d), d,
			    &(struct crypto_material) { .suite = suite,
				    .encryption_key = key,
				    .authentication_key = mac_key }) != 0)
			return "key refused";

	unhex(mac_text, packet);
	unhex(mac_icvs[suite.authentication->mac], packet + ESP_HEADER_BYTES);
	lay_out(bench, CRYPTO_OPEN, packet, ESP_HEADER_BYTES);
	if (!verifies(bench, COPIES))
		return "HMAC differs from the RFC's";

	memcpy(packet + payload_at, plaintext, text_bytes);
	lay_out(bench, CRYPTO_SEAL, packet, bytes);
	seal_with_vector_iv(bench, iv);
	if (!all_hold(bench, payload_at, ciphertext, text_bytes))
		return "ciphertext differs from SP 800-38A's";

	lay_out(bench, CRYPTO_OPEN, bench->packets[COPIES - 1], bytes);
	if (!verifies(bench, COPIES))
		return "does not verify what it sealed";
	bench->packets[COPIES / 2][bytes - 1] ^= 1;
	if (!verifies(bench, COPIES / 2))
		return "verifies a forged packet";
	bench->packets[COPIES / 2][bytes - 1] ^= 1;

	crypto_decrypt(bench->crypto, bench->ops, COPIES);
	if (!all_hold(bench, payload_at, plaintext, text_bytes))
		return "plaintext differs from SP 800-38A's";
	return NULL;
}

static const char *
test_aead(struct bench *bench, struct suite suite, const struct aead_vector *vector)
{
	const unsigned payload_at = ESP_HEADER_BYTES + suite.encryption->iv_bytes;
	uint8_t sealed[PACKET_BYTES] = { 0 }, packet[PACKET_BYTES];
	uint8_t key[KEY_BYTES_MAX], plaintext[TEXT_BYTES_MAX];
	unsigned sealed_bytes = unhex(vector->packet, sealed);
	unsigned text_bytes = unhex(vector->plaintext, plaintext);
	unsigned bytes = sealed_bytes - suite.encryption->icv_bytes;
	uint32_t halves_be[2] = { 0, 0 };
	uint64_t sequence_be, iv;

	unhex(vector->key, key);
	if (vector->esn_high != NULL)
		unhex(vector->esn_high, (uint8_t *)&halves_be[0]);
	for (enum crypto_direction d = CRYPTO_SEAL; d <= CRYPTO_OPEN; d++)
		if (crypto_key_init(bench->crypto, bench_key(bench, d), d,
			    &(struct crypto_material) { .suite = suite,
				    .encryption_key = key,
				    .authentication_key = NULL,
				    .esn = vector->esn_high != NULL }) != 0)
			return "key refused";
	for (unsigned i = 0; i < COPIES; i++)
		bench->ops[i].esn_high_be = halves_be[0];

	/* The vector's IV is any; ours is the sequence number XOR what makes it the vector's. */
	memcpy(&halves_be[1], sealed + ESP_SEQUENCE_AT, sizeof(halves_be[1]));
	memcpy(&sequence_be, halves_be, sizeof(sequence_be));
	memcpy(&iv, sealed + ESP_HEADER_BYTES, sizeof(iv));
	iv ^= sequence_be;
	memcpy(bench_key(bench, CRYPTO_SEAL)->schedule, &iv, sizeof(iv));

	memset(packet, 0, sizeof(packet));
	memcpy(packet, sealed, ESP_HEADER_BYTES);
	memcpy(packet + payload_at, plaintext, text_bytes);
	lay_out(bench, CRYPTO_SEAL, packet, bytes);
	crypto_seal(bench->crypto, bench->ops, COPIES);
	if (!all_hold(bench, 0, sealed, PACKET_BYTES))
		return "sealed packet differs from the published one";

	lay_out(bench, CRYPTO_OPEN, sealed, bytes);
	if (!verifies(bench, COPIES))
		return "does not verify the published packet";
	crypto_decrypt(bench->crypto, bench->ops, COPIES);
	if (!all_hold(bench, payload_at, plaintext, text_bytes))
		return "plaintext differs from the published one";

	lay_out(bench, CRYPTO_OPEN, sealed, bytes);
	bench->packets[COPIES / 2][bytes - 1] ^= 1;
	if (!verifies(bench, COPIES / 2))
		return "verifies a forged packet";
	return NULL;
}

/* Any bytes will do, if no two blocks are the same. */
static void
fill(uint8_t *bytes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		bytes[i] = (uint8_t)(i ^ i >> 8);
}

/* With the keys that the tests before have left. What is sealed from so many bytes behind must
 * open as what it was. */
static const char *
test_shift(struct bench *bench, struct suite suite, unsigned shift)
{
	const unsigned block = suite.encryption->block_bytes;
	const unsigned payload_at = ESP_HEADER_BYTES + suite.encryption->iv_bytes;
	const unsigned room = PACKET_BYTES - payload_at - ICV_BYTES_MAX - CRYPTO_SHIFT_MAX;
	uint8_t payload[PACKET_BYTES];

	fill(payload, sizeof(payload));
	for (unsigned i = 0; i < COPIES; i++) {
		unsigned blocks = 1 + i * (room / block - 1) / (COPIES - 1);

		/* All that a last cipher block can be left with. */
		blocks -= blocks > LAST_BLOCK_BYTES / block ? i % (LAST_BLOCK_BYTES / block) : 0;

		memset(bench->packets[i], 0, PACKET_BYTES);
		memcpy(bench->packets[i] + payload_at + shift, payload, blocks * block);
		bench->ops[i] = (struct crypto_op) {
			.key = bench_key(bench, CRYPTO_SEAL),
			.esp = bench->packets[i],
			.bytes = (uint16_t)(payload_at + blocks * block),
			.shift = (uint8_t)shift,
		};
	}
	crypto_seal(bench->crypto, bench->ops, COPIES);
	for (unsigned i = 0; i < COPIES; i++)
		bench->ops[i].key = bench_key(bench, CRYPTO_OPEN);
	if (!verifies(bench, COPIES))
		return "does not verify what it sealed to another place";
	crypto_decrypt(bench->crypto, bench->ops, COPIES);
	for (unsigned i = 0; i < COPIES; i++)
		if (memcmp(bench->packets[i] + payload_at, payload,
			    bench->ops[i].bytes - payload_at) != 0)
			return "overwrites what it has not sealed yet";
	return NULL;
}

static const struct cbc_vector *
cbc_vector_of(const struct encryption *encryption)
{
	for (unsigned i = 0; i < ARRAY_LEN(cbc_vectors); i++)
		if (cbc_vectors[i].key_bytes == encryption->key_bytes)
			return &cbc_vectors[i];
	return NULL;
}

static const struct aead_vector *
aead_vector_of(const struct encryption *encryption)
{
	for (unsigned i = 0; i < ARRAY_LEN(aead_vectors); i++)
		if (strcmp(aead_vectors[i].suite, encryption->name) == 0)
			return &aead_vectors[i];
	return NULL;
}

/* 0, or -EIO with `error` written. */
static int
test_suite(struct bench *bench, struct suite suite, char *error, size_t error_bytes)
{
	const struct cbc_vector *cbc = cbc_vector_of(suite.encryption);
	const struct aead_vector *aead = aead_vector_of(suite.encryption);
	const char *wrong = "no known answer";

	memset(bench->ops, 0, sizeof(bench->ops));
	if (suite.encryption->aead && aead != NULL)
		wrong = test_aead(bench, suite, aead);
	if (!suite.encryption->aead && cbc != NULL)
		wrong = test_cbc_hmac(bench, suite, cbc);
	for (unsigned shift = 1; wrong == NULL && shift < crypto_esp_alignment(suite); shift++)
		wrong = test_shift(bench, suite, shift);
	if (wrong == NULL)
		return 0;
	snprintf(error, error_bytes, "self-test of %s%s%s: %s", suite.encryption->name,
		suite.authentication == NULL ? "" : " with ",
		suite.authentication == NULL ? "" : suite.authentication->name, wrong);
	return -EIO;
}

static int
test_all(struct bench *bench, char *error, size_t error_bytes)
{
	const struct encryption *e;
	int err = 0;

	for (unsigned i = 0; err == 0 && (e = suite_encryption_row(i)) != NULL; i++) {
		const struct authentication *a;

		if (e->aead)
			err = test_suite(bench, (struct suite) { e, NULL }, error, error_bytes);
		for (unsigned j = 0; !e->aead && err == 0; j++) {
			a = suite_authentication_row(j);
			if (a == NULL)
				break;
			err = test_suite(bench, (struct suite) { e, a }, error, error_bytes);
		}
	}
	return err;
}

/* Has one kind of code do everything, whatever the lengths. */
static void
choose_kind(struct crypto *crypto, const struct hasher *hasher, enum hasher_kind kind)
{
	crypto->hasher = (struct hasher) { .manager = { hasher->manager[kind] } };
	for (unsigned size = 0; size < GCM_KEY_SIZES; size++)
		for (enum crypto_direction d = CRYPTO_SEAL; d <= CRYPTO_OPEN; d++)
			crypto->gcm_codes.of[size][d].narrow_from =
				kind == HASHER_NARROW ? 0 : UINT16_MAX;
}

/* Either kind of code does all packets once, whichever they would be given to. */
int
crypto_self_test(struct crypto *crypto, char *error, size_t error_bytes)
{
	const struct hasher hasher = crypto->hasher;
	const struct gcm_codes gcm_codes = crypto->gcm_codes;
	struct bench bench = { .crypto = crypto };
	int err = 0;

	for (enum hasher_kind kind = 0; kind < HASHER_KINDS && err == 0; kind++) {
		if (hasher.manager[kind] == NULL)
			continue;
		choose_kind(crypto, &hasher, kind);
		err = test_all(&bench, error, error_bytes);
	}
	crypto->hasher = hasher;
	crypto->gcm_codes = gcm_codes;
	return err;
}
