/* SPDX-License-Identifier: BSD-3-Clause */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"

/*
 * Known answers at each start: the library has a dozen implementations of each algorithm, and the
 * one that this machine takes may never have run before.
 *
 * For the AEADs there are published ESP packets. For CBC with HMAC there are none, so cipher and
 * MAC are proved apart, and then that sealing puts them together as verifying takes them apart.
 */

#define COPIES 33 /* packets at once: two full sets of 16 lanes, and a rest */
#define PACKET_BYTES 192
#define KEY_BYTES_MAX 64
#define TEXT_BYTES_MAX 96

/* Hexadecimal text. */
struct cbc_vector {
	uint8_t key_bytes;
	const char *key;
	const char *ciphertext;
};

/* NIST SP 800-38A, F.2.1, F.2.3 and F.2.5 */
static const char cbc_iv[] = "000102030405060708090a0b0c0d0e0f";
static const char cbc_plaintext[] =
	"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
	"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
static const struct cbc_vector cbc_vectors[] = {
	{ 16, "2b7e151628aed2a6abf7158809cf4f3c",
		"7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
		"73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7" },
	{ 24, "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
		"4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
		"571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd" },
	{ 32, "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
		"f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
		"39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b" },
};

/* RFC 2202 section 3 and RFC 4868 section 2.7.2, first case of each: "Hi There" under a key of
 * bytes 0x0b. The text is as long as an ESP header. */
static const char mac_text[] = "4869205468657265";
static const char *const mac_icvs[] = {
	[MAC_HMAC_SHA1] = "b617318655057264e28bc0b6",
	[MAC_HMAC_SHA256] = "198a607eb44bfbc69903a0f1cf2bbdc5",
	[MAC_HMAC_SHA384] = "b6a8d5636f5c6a7224f9977dcf7ee6c7fb6d0c48cbdee973",
	[MAC_HMAC_SHA512] = "637edc6e01dce7e6742a99451aae82df23da3e92439e590e43e761b33e910fb8",
};

struct aead_vector {
	const char *suite;
	const char *key; /* with salt */
	const char *esn_high;
	const char *packet; /* sealed */
	const char *plaintext;
};

/* draft-mcgrew-gcm-test-01 section 4; RFC 7634 appendix A */
static const struct aead_vector aead_vectors[] = {
	{ "aes128-gcm", "4c80cdefbb5d10da906ac73c3613a6342e443b68", "87654321",
		"00004321000000004956ed7e3b244cfefecf537e729d5b07dc30df528dd22b76"
		"8d1b98736696a6fd348509fa13ceac34cfa2436f14a3f3cf65925bf1f4a13c5d"
		"15b21e1884f5ff6247aeabb786b93bce61bc17d768fd9732459018148f6cbe72"
		"2fd04796562dfdb4",
		"45000048699a000080114db7c0a80102c0a801010a9bf15638d3010000010000"
		"00000000045f736970045f756470037369700963796265726369747902646b00"
		"0021000101020201" },
	{ "aes192-gcm", "feffe9928665731c6d6a8f9467308308feffe9928665731ccafebabe", NULL,
		"0000a5f80000000afacedbaddecaf888a5b1f8066029aea40e598b8122de0242"
		"0938b3ab33f828e687b8858b5bfbdbd0315b27452144cc7795457b9652037f53"
		"18027b5b4cd7a636",
		"45000028a4ad4000400678800a01038f0a010612802306b8cb712602dd6bb03e"
		"501016d075680001" },
	{ "aes256-gcm",
		"abbccddef00112233445566778899aababbccddef00112233445566778899aab"
		"11223344",
		NULL,
		"4a2cbfe3000000020102030405060708ff425c9b724599df7a3bcd510194e00d"
		"6a78107f1b0b1cbf06efae9d65a5d763748a637985771d347f0545659f14e99d"
		"ef842d8eb335f4eecfdbf831824b4c4915956c96",
		"4500003069a6400080062690c0a801029389155e0a9e008b2dc57ee000000000"
		"7002400020bf0000020405b40101040201020201" },
	{ "chacha20-poly1305",
		"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
		"a0a1a2a3",
		NULL,
		"0102030400000005101112131415161724039428b97f417e3c13753a4f05087b"
		"67c352e6a7fab1b982d466ef407ae5c614ee8099d52844eb61aa95dfab4c02f7"
		"2aa71e7c4c4f64c9befe2facc638e8f3cbec163fac469b502773f6fb94e664da"
		"9165b82829f641e076aaa8266b7fb0f7b11b369907e1ad43",
		"45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec10"
		"0007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223"
		"2425262728292a2b2c2d2e2f303132333435363701020204" },
};

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
	if (wrong == NULL)
		return 0;
	snprintf(error, error_bytes, "self-test of %s%s%s: %s", suite.encryption->name,
		suite.authentication == NULL ? "" : " with ",
		suite.authentication == NULL ? "" : suite.authentication->name, wrong);
	return -EIO;
}

int
crypto_self_test(struct crypto *crypto, char *error, size_t error_bytes)
{
	struct bench bench = { .crypto = crypto };
	const struct encryption *e;
	int err = 0;

	for (unsigned i = 0; err == 0 && (e = suite_encryption_row(i)) != NULL; i++) {
		const struct authentication *a;

		if (e->aead)
			err = test_suite(&bench, (struct suite) { e, NULL }, error, error_bytes);
		for (unsigned j = 0; !e->aead && err == 0; j++) {
			a = suite_authentication_row(j);
			if (a == NULL)
				break;
			err = test_suite(&bench, (struct suite) { e, a }, error, error_bytes);
		}
	}
	return err;
}
