/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lib/crypto against strangers: the packets of RFC 3602, and OpenSSL for everything else. Needs
 * neither root nor hugepages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <openssl/evp.h>

#include "crypto.h"

#define SUITES_MAX 32
#define ESP_HEADER_BYTES 8
#define PAYLOAD_BYTES_MAX 1536
#define ICV_BYTES_MAX 32
#define GUARD_BYTES 64
#define GUARD 0xa5
#define PACKET_BYTES (ESP_HEADER_BYTES + 16 + PAYLOAD_BYTES_MAX + ICV_BYTES_MAX + GUARD_BYTES)
#define KEY_BYTES_MAX 64
#define IVS 65536

/* An SA as both ends know it: our two keys, and the material for the stranger. */
struct sa {
	struct suite suite;
	bool esn;
	uint8_t encryption_key[KEY_BYTES_MAX], authentication_key[KEY_BYTES_MAX];
	struct crypto_key *seal, *open;
};

/* A packet on its way through: what it was, and what became of it. */
struct packet {
	const struct sa *sa;
	unsigned bytes; /* up to the ICV */
	uint32_t esn_high_be;
	uint8_t plain[PACKET_BYTES];
	uint8_t buffer[PACKET_BYTES];
};

static struct crypto *crypto;
static struct sa sas[2 * SUITES_MAX]; /* every suite, without ESN and with */
static unsigned sas_n;
static struct packet packets[BURST_PKTS];
static struct crypto_op ops[BURST_PKTS];

static void
fill_random(uint8_t *bytes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		bytes[i] = (uint8_t)(rand() >> 7);
}

static struct crypto_key *
new_key(struct sa *sa, enum crypto_direction direction)
{
	struct crypto_key *key = aligned_alloc(CACHE_LINE_BYTES, crypto_key_size(sa->suite));

	assert_non_null(key);
	assert_int_equal(
		crypto_key_init(crypto, key, sa->suite, direction, sa->encryption_key,
			sa->suite.authentication == NULL ? NULL : sa->authentication_key, sa->esn),
		0);
	return key;
}

static void
add_sas(struct suite suite)
{
	for (unsigned esn = 0; esn < 2; esn++) {
		struct sa *sa = &sas[sas_n++];

		sa->suite = suite;
		sa->esn = esn != 0;
		fill_random(sa->encryption_key, KEY_BYTES_MAX);
		fill_random(sa->authentication_key, KEY_BYTES_MAX);
		sa->seal = new_key(sa, CRYPTO_SEAL);
		sa->open = new_key(sa, CRYPTO_OPEN);
	}
}

/* NULL for the best architecture. Not every machine has every one: false. */
static bool
start(const char *arch)
{
	const struct encryption *e;
	char error[256] = "";

	crypto = crypto_create(arch, error, sizeof(error));
	if (crypto == NULL) {
		assert_true(arch != NULL && error[0] != '\0');
		return false;
	}
	sas_n = 0;
	for (unsigned i = 0; (e = suite_encryption_row(i)) != NULL; i++) {
		const struct authentication *a;

		if (e->aead)
			add_sas((struct suite) { e, NULL });
		for (unsigned j = 0; !e->aead && (a = suite_authentication_row(j)) != NULL; j++)
			add_sas((struct suite) { e, a });
	}
	return true;
}

static void
stop(void)
{
	for (unsigned i = 0; i < sas_n; i++) {
		free(sas[i].seal);
		free(sas[i].open);
	}
	crypto_destroy(crypto);
}

static int
set_up(void **state)
{
	(void)state;
	return start(NULL) ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	stop();
	return 0;
}

/* OpenSSL's names for a suite. */
static const char *
stranger_cipher(const struct encryption *e)
{
	static char name[32];

	if (e->cipher == CIPHER_CHACHA20_POLY1305)
		return "ChaCha20-Poly1305";
	snprintf(name, sizeof(name), "AES-%u-%s", 8U * e->key_bytes,
		e->cipher == CIPHER_AES_CBC ? "CBC" : "GCM");
	return name;
}

static const char *
stranger_digest(const struct authentication *a)
{
	static const char *const names[] = {
		[MAC_HMAC_SHA1] = "SHA1",
		[MAC_HMAC_SHA256] = "SHA256",
		[MAC_HMAC_SHA384] = "SHA384",
		[MAC_HMAC_SHA512] = "SHA512",
	};

	return names[a->mac];
}

/* RFC 4106 section 5: SPI, then the sequence number, extended or not. */
static unsigned
stranger_aad(const struct packet *packet, const uint8_t *esp, uint8_t *aad)
{
	if (!packet->sa->esn) {
		memcpy(aad, esp, 8);
		return 8;
	}
	memcpy(aad, esp, 4);
	memcpy(aad + 4, &packet->esn_high_be, 4);
	memcpy(aad + 8, esp + 4, 4);
	return 12;
}

/* Seals packet->plain into `esp` with OpenSSL, under the IV that stands in `esp` already. */
static void
stranger_seal(const struct packet *packet, uint8_t *esp)
{
	const struct sa *sa = packet->sa;
	const struct encryption *e = sa->suite.encryption;
	unsigned payload_at = ESP_HEADER_BYTES + e->iv_bytes;
	unsigned payload_bytes = packet->bytes - payload_at;
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, stranger_cipher(e), NULL);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	uint8_t nonce[16], aad[12], mac[64], trailer[PACKET_BYTES];
	size_t mac_bytes;
	int n;

	memcpy(esp, packet->plain, ESP_HEADER_BYTES);
	if (e->aead) {
		memcpy(nonce, sa->encryption_key + e->key_bytes, 4);
		memcpy(nonce + 4, esp + ESP_HEADER_BYTES, 8);
	} else {
		memcpy(nonce, esp + ESP_HEADER_BYTES, 16);
	}
	assert_true(EVP_EncryptInit_ex2(context, cipher, sa->encryption_key, nonce, NULL));
	EVP_CIPHER_CTX_set_padding(context, 0);
	if (e->aead)
		assert_true(EVP_EncryptUpdate(
			context, NULL, &n, aad, (int)stranger_aad(packet, esp, aad)));
	assert_true(EVP_EncryptUpdate(
		context, esp + payload_at, &n, packet->plain + payload_at, (int)payload_bytes));
	assert_true(EVP_EncryptFinal_ex(context, trailer, &n));
	if (e->aead) {
		assert_true(EVP_CIPHER_CTX_ctrl(
			context, EVP_CTRL_AEAD_GET_TAG, 16, esp + packet->bytes));
	} else {
		memcpy(trailer, esp, packet->bytes);
		memcpy(trailer + packet->bytes, &packet->esn_high_be, 4);
		assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL,
			stranger_digest(sa->suite.authentication), NULL, sa->authentication_key,
			sa->suite.authentication->key_bytes, trailer,
			packet->bytes + (sa->esn ? 4 : 0), mac, sizeof(mac), &mac_bytes));
		memcpy(esp + packet->bytes, mac, sa->suite.authentication->icv_bytes);
	}
	EVP_CIPHER_CTX_free(context);
	EVP_CIPHER_free(cipher);
}

/* A packet of random content for an SA; its ICV's place and what follows are guard bytes. */
static void
make_packet(struct packet *packet, const struct sa *sa, unsigned payload_blocks)
{
	const struct encryption *e = sa->suite.encryption;

	packet->sa = sa;
	packet->bytes = ESP_HEADER_BYTES + e->iv_bytes + payload_blocks * e->block_bytes;
	fill_random((uint8_t *)&packet->esn_high_be, 4);
	fill_random(packet->plain, packet->bytes);
	memset(packet->plain + packet->bytes, GUARD, PACKET_BYTES - packet->bytes);
	memcpy(packet->buffer, packet->plain, PACKET_BYTES);
}

static void
make_ops(unsigned n, enum crypto_direction direction)
{
	for (unsigned i = 0; i < n; i++)
		ops[i] = (struct crypto_op) {
			.key = direction == CRYPTO_SEAL ? packets[i].sa->seal : packets[i].sa->open,
			.esp = packets[i].buffer,
			.esn_high_be = packets[i].esn_high_be,
			.bytes = (uint16_t)packets[i].bytes,
		};
}

static void
assert_guard(const struct packet *packet)
{
	unsigned end = packet->bytes + suite_icv_bytes(packet->sa->suite);

	for (unsigned i = end; i < PACKET_BYTES; i++)
		assert_int_equal(packet->buffer[i], GUARD);
}

/* Seals packets[0..n) here and compares with the stranger, then opens them again. */
static void
seal_compare_open(unsigned n)
{
	static uint8_t expected[PACKET_BYTES];

	make_ops(n, CRYPTO_SEAL);
	crypto_seal(crypto, ops, n);
	for (unsigned i = 0; i < n; i++) {
		memcpy(expected, packets[i].buffer, PACKET_BYTES);
		stranger_seal(&packets[i], expected);
		assert_memory_equal(packets[i].buffer, expected, PACKET_BYTES);
		assert_guard(&packets[i]);
	}
	make_ops(n, CRYPTO_OPEN);
	crypto_verify(crypto, ops, n);
	for (unsigned i = 0; i < n; i++)
		assert_true(ops[i].ok);
	crypto_decrypt(crypto, ops, n);
	for (unsigned i = 0; i < n; i++) {
		unsigned payload_at = ESP_HEADER_BYTES + packets[i].sa->suite.encryption->iv_bytes;

		assert_memory_equal(packets[i].buffer, packets[i].plain, ESP_HEADER_BYTES);
		assert_memory_equal(packets[i].buffer + payload_at, packets[i].plain + payload_at,
			packets[i].bytes - payload_at);
		assert_guard(&packets[i]);
	}
}

static unsigned
random_blocks(const struct sa *sa)
{
	return 1 + (unsigned)rand() % (PAYLOAD_BYTES_MAX / sa->suite.encryption->block_bytes);
}

/* Bursts of every size, suites, SAs and lengths all mixed, on every architecture. */
static void
mixed_bursts_agree_with_openssl(void **state)
{
	static const char *const arches[] = { "avx512", "avx2", "avx", "sse" };
	unsigned tried = 0;

	(void)state;
	for (unsigned a = 0; a < ARRAY_LEN(arches); a++) {
		if (!start(arches[a]))
			continue;
		tried++;
		for (unsigned n = 1; n <= BURST_PKTS; n += tried) {
			for (unsigned i = 0; i < n; i++) {
				const struct sa *sa = &sas[(unsigned)rand() % sas_n];

				make_packet(&packets[i], sa, random_blocks(sa));
			}
			seal_compare_open(n);
		}
		stop();
	}
	assert_true(tried > 0);
}

/* Bursts of one suite: of one length (the fast path) and of many; ESN or not per packet. */
static void
bursts_of_one_suite_agree_with_openssl(void **state)
{
	(void)state;
	for (unsigned s = 0; s < sas_n; s += 2) {
		unsigned blocks = random_blocks(&sas[s]);

		for (unsigned i = 0; i < BURST_PKTS; i++)
			make_packet(&packets[i], &sas[s + (unsigned)rand() % 2], blocks);
		seal_compare_open(BURST_PKTS);
		for (unsigned i = 0; i < BURST_PKTS; i++)
			make_packet(&packets[i], &sas[s + (unsigned)rand() % 2],
				random_blocks(&sas[s]));
		seal_compare_open(BURST_PKTS);
	}
}

/* RFC 4303 3.4.4: header, IV, payload, high half of the sequence number, ICV: every bit counts. */
static void
any_flipped_bit_is_found(void **state)
{
	static struct packet genuine;

	(void)state;
	for (unsigned s = 0; s < sas_n; s++) {
		const struct sa *sa = &sas[s];
		unsigned bits;

		make_packet(&genuine, sa, 3);
		stranger_seal(&genuine, genuine.buffer);
		bits = 8 * (genuine.bytes + suite_icv_bytes(sa->suite));
		bits += sa->esn ? 32 : 0;
		for (unsigned bit = 0; bit < bits; bit += BURST_PKTS - 1) {
			unsigned n = bits - bit < BURST_PKTS - 1 ? bits - bit : BURST_PKTS - 1;

			/* one packet is left as it is */
			for (unsigned i = 0; i <= n; i++)
				packets[i] = genuine;
			for (unsigned i = 0; i < n; i++) {
				unsigned byte = (bit + i) / 8;
				unsigned end = genuine.bytes + suite_icv_bytes(sa->suite);
				uint8_t *high = (uint8_t *)&packets[i].esn_high_be;
				uint8_t *at =
					byte < end ? &packets[i].buffer[byte] : &high[byte - end];

				*at ^= (uint8_t)(1U << (bit + i) % 8);
			}
			make_ops(n + 1, CRYPTO_OPEN);
			crypto_verify(crypto, ops, n + 1);
			for (unsigned i = 0; i < n; i++)
				assert_false(ops[i].ok);
			assert_true(ops[n].ok);
		}
	}
}

static unsigned
unhex(const char *text, uint8_t *bytes)
{
	unsigned n = (unsigned)strlen(text) / 2;

	for (unsigned i = 0; i < n; i++) {
		unsigned value;

		assert_int_equal(sscanf(text + 2 * i, "%2x", &value), 1);
		bytes[i] = (uint8_t)value;
	}
	return n;
}

/* RFC 3602 section 4, cases 5 to 8: whole ESP packets, without authentication. */
static void
rfc3602_packets_decrypt(void **state)
{
	static const struct {
		const char *key, *esp, *payload;
		uint8_t pad_bytes, next_header;
	} cases[] = {
		{ "90d382b410eeba7ad938c46cec1a82bf",
			"0000432100000001e96e8c08ab465763fd098d45dd3ff893"
			"f663c25d325c18c6a9453e194e120849a4870b66cc6b9965330013b4898dc856"
			"a4699e523a55db080b59ec3a8e4b7e52775b07d1db34ed9c538ab50c551b874a"
			"a269add047ad2d5913ac19b7cfbad4a6",
			"08000ebda70a00008e9c083db95b070008090a0b0c0d0e0f1011121314151617"
			"18191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637",
			14, 1 },
		{ "90d382b410eeba7ad938c46cec1a82bf",
			"000043210000000869d08df7d203329db093fc4924e5bd80"
			"f51995881ec4e0c4488987ce742e8109689bb379d2d750c0d915dca346a89f75",
			"0800b5e8a80a0500a69c083d0b660e00777777777777777777777777", 2, 1 },
		{ "0123456789abcdef0123456789abcdef",
			"0000876500000002f4e765244f6407adf13dc1380f673f37"
			"773b5241a4c449225e4f3ce5ed611b0c237ca96cf74a93013c1b0ea1a0cf70f8"
			"e4ecaec78ac53aad7a0f022b859243c647752e94a859352b8a4d4d2decd136e5"
			"c177f132ad3fbfb2201ac9904c74ee0a109e0ca1e4dfe9d5a100b842f1c22f0d",
			"45000054090400004001f988c0a87b03c0a87bc808009f76a90a0100b49c083d"
			"02a2040008090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223"
			"2425262728292a2b2c2d2e2f3031323334353637",
			10, 4 },
		{ "0123456789abcdef0123456789abcdef",
			"000087650000000585d47224b5f3dd5d2101d4ea8dffab22"
			"15b92683819596a8047232cc00f7048fe45318e11f8a0f62ede3c3fc61203bb5"
			"0f980a08c9843fd3a1b06d5c07ff9639b7eb7dfb3512e5de435e7207ed971ef3"
			"d2726d9b5ef6affc6d17a0decbb13892",
			"45000044090c00004001f990c0a87b03c0a87bc80800d63caa0a0200c69c083d"
			"a3de0300ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
			"ffffffff",
			10, 4 },
	};
	struct suite suite = { suite_encryption_find("aes128-cbc"),
		suite_authentication_find("hmac-sha1-96") };
	uint8_t key_material[KEY_BYTES_MAX], plaintext[PACKET_BYTES];
	struct crypto_key *key = aligned_alloc(CACHE_LINE_BYTES, crypto_key_size(suite));

	(void)state;
	for (unsigned c = 0; c < ARRAY_LEN(cases); c++) {
		uint8_t *esp = packets[0].buffer;
		unsigned bytes = unhex(cases[c].esp, esp);
		unsigned text_bytes = unhex(cases[c].payload, plaintext);
		struct crypto_op op = {
			.key = key, .esp = esp, .bytes = (uint16_t)bytes, .ok = true
		};

		unhex(cases[c].key, key_material);
		assert_int_equal(crypto_key_init(crypto, key, suite, CRYPTO_OPEN, key_material,
					 key_material, false),
			0);
		for (uint8_t i = 1; i <= cases[c].pad_bytes; i++)
			plaintext[text_bytes++] = i; /* RFC 4303 2.4 */
		plaintext[text_bytes++] = cases[c].pad_bytes;
		plaintext[text_bytes++] = cases[c].next_header;
		assert_int_equal(bytes, ESP_HEADER_BYTES + 16 + text_bytes);
		crypto_decrypt(crypto, &op, 1);
		assert_memory_equal(esp + ESP_HEADER_BYTES + 16, plaintext, text_bytes);
	}
	free(key);
}

static int
compare_ivs(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

/* A dataplane that stores one byte of sixteen, or draws once per burst, is caught here. */
static void
ivs_are_distinct(void **state)
{
	uint8_t(*ivs)[16] = malloc(IVS * sizeof(*ivs));
	uint64_t before = crypto_ivs_drawn(crypto);
	unsigned drawn = 0;
	unsigned set_bits = 0;

	(void)state;
	assert_non_null(ivs);
	while (drawn < IVS) {
		unsigned n = 1 + (unsigned)rand() % BURST_PKTS;

		if (n > IVS - drawn)
			n = IVS - drawn;
		for (unsigned i = 0; i < n; i++)
			make_packet(&packets[i], &sas[0], 1);
		make_ops(n, CRYPTO_SEAL);
		crypto_seal(crypto, ops, n);
		for (unsigned i = 0; i < n; i++)
			memcpy(ivs[drawn++], packets[i].buffer + ESP_HEADER_BYTES, 16);
	}
	assert_int_equal(crypto_ivs_drawn(crypto) - before, IVS);
	qsort(ivs, IVS, sizeof(*ivs), compare_ivs);
	for (unsigned i = 1; i < IVS; i++)
		assert_memory_not_equal(ivs[i - 1], ivs[i], 16);

	/* Nor are they a counter: half of all bits are set, give or take 6 sigma. */
	for (unsigned i = 0; i < IVS; i++)
		for (unsigned j = 0; j < 16; j++)
			set_bits += (unsigned)__builtin_popcount(ivs[i][j]);
	assert_in_range(set_bits, IVS * 64 - 6 * 1449, IVS * 64 + 6 * 1449);
	free(ivs);
}

/* Two workers of one SA must not draw the same IVs. */
static void
workers_have_their_own_ivs(void **state)
{
	char error[256];
	struct crypto *other = crypto_create(NULL, error, sizeof(error));

	(void)state;
	assert_non_null(other);
	for (unsigned i = 0; i < 2; i++)
		make_packet(&packets[i], &sas[0], 1);
	make_ops(2, CRYPTO_SEAL);
	crypto_seal(crypto, &ops[0], 1);
	crypto_seal(other, &ops[1], 1);
	assert_memory_not_equal(
		packets[0].buffer + ESP_HEADER_BYTES, packets[1].buffer + ESP_HEADER_BYTES, 16);
	crypto_destroy(other);
}

/* The AEADs' IV is the 64-bit sequence number, masked per installation. */
static void
aead_ivs_follow_the_sequence_number(void **state)
{
	(void)state;
	for (unsigned s = 0; s < sas_n; s++) {
		const struct sa *sa = &sas[s];
		uint64_t ivs[2];

		if (!sa->suite.encryption->aead)
			continue;
		for (unsigned i = 0; i < 2; i++) {
			make_packet(&packets[i], sa, 1);
			memcpy(packets[i].buffer + 4, (uint8_t[4]) { 0, 0, 1, (uint8_t)i }, 4);
			memcpy(&packets[i].esn_high_be, (uint8_t[4]) { 0, 0, 0, (uint8_t)i }, 4);
		}
		make_ops(2, CRYPTO_SEAL);
		crypto_seal(crypto, ops, 2);
		for (unsigned i = 0; i < 2; i++)
			memcpy(&ivs[i], packets[i].buffer + ESP_HEADER_BYTES, 8);
		assert_int_equal(ivs[0] ^ ivs[1],
			sa->esn ? UINT64_C(0x0100000001000000) : UINT64_C(0x0100000000000000));
		assert_true(sa->seal->iv_xor != sa->open->iv_xor);
	}
}

static void
a_wiped_key_is_zero(void **state)
{
	(void)state;
	for (unsigned s = 0; s < sas_n; s++) {
		size_t bytes = crypto_key_size(sas[s].suite);
		const uint8_t *memory = (const uint8_t *)sas[s].seal;

		crypto_key_wipe(sas[s].seal);
		for (size_t i = 0; i < bytes; i++)
			assert_int_equal(memory[i], 0);
	}
}

static void
suites_that_do_not_combine_are_refused(void **state)
{
	uint8_t material[KEY_BYTES_MAX] = { 0 };
	CACHE_ALIGNED uint8_t memory[4096];
	struct crypto_key *key = (struct crypto_key *)memory;
	struct suite none = { NULL, NULL };
	struct suite bare = { suite_encryption_find("aes128-cbc"), NULL };
	struct suite twice = { suite_encryption_find("aes128-gcm"),
		suite_authentication_find("hmac-sha1-96") };

	(void)state;
	assert_int_equal(crypto_key_init(crypto, key, none, CRYPTO_SEAL, material, material, false),
		-EINVAL);
	assert_int_equal(
		crypto_key_init(crypto, key, bare, CRYPTO_SEAL, material, NULL, false), -EINVAL);
	assert_int_equal(
		crypto_key_init(crypto, key, twice, CRYPTO_SEAL, material, material, false),
		-EINVAL);
}

static void
architectures_by_name(void **state)
{
	char error[256] = "";

	(void)state;
	assert_null(crypto_create("z80", error, sizeof(error)));
	assert_non_null(strstr(error, "z80"));
	assert_true(start("sse")); /* what x86-64-v2 with AES-NI has */
	assert_non_null(strstr(crypto_description(crypto), "sse"));
	assert_non_null(strstr(crypto_description(crypto), "intel-ipsec-mb"));
	stop();
	assert_true(start("auto"));
	assert_int_equal(crypto_self_test(crypto, error, sizeof(error)), 0);
	stop();
}

static void
empty_bursts_are_fine(void **state)
{
	(void)state;
	crypto_seal(crypto, NULL, 0);
	crypto_verify(crypto, NULL, 0);
	crypto_decrypt(crypto, NULL, 0);
	crypto_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mixed_bursts_agree_with_openssl),
		cmocka_unit_test_setup_teardown(
			bursts_of_one_suite_agree_with_openssl, set_up, tear_down),
		cmocka_unit_test_setup_teardown(any_flipped_bit_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(rfc3602_packets_decrypt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ivs_are_distinct, set_up, tear_down),
		cmocka_unit_test_setup_teardown(workers_have_their_own_ivs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			aead_ivs_follow_the_sequence_number, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_wiped_key_is_zero, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			suites_that_do_not_combine_are_refused, set_up, tear_down),
		cmocka_unit_test(architectures_by_name),
		cmocka_unit_test_setup_teardown(empty_bursts_are_fine, set_up, tear_down),
	};

	srand(1); /* the same packets in every run */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
