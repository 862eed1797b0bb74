/* SPDX-License-Identifier: BSD-3-Clause */
/* Published packets, keys, suites and architectures of lib/crypto. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "crypto_sas.h"

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
static const struct {
	const char *key, *esp, *payload;
	uint8_t pad_bytes, next_header;
} rfc3602[] = {
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

static void
rfc3602_packets_decrypt(void **state)
{
	struct suite suite = { suite_encryption_find("aes128-cbc"),
		suite_authentication_find("hmac-sha1-96") };
	uint8_t key_material[KEY_BYTES_MAX], plaintext[PACKET_BYTES];
	struct crypto_key *key = aligned_alloc(CACHE_LINE_BYTES, crypto_key_size(suite));

	(void)state;
	for (unsigned c = 0; c < ARRAY_LEN(rfc3602); c++) {
		uint8_t *esp = packets[0].buffer;
		unsigned bytes = unhex(rfc3602[c].esp, esp);
		unsigned text_bytes = unhex(rfc3602[c].payload, plaintext);
		struct crypto_op op = {
			.key = key, .esp = esp, .bytes = (uint16_t)bytes, .ok = true
		};

		unhex(rfc3602[c].key, key_material);
		assert_int_equal(crypto_key_init(crypto, key, CRYPTO_OPEN,
					 &(struct crypto_material) { .suite = suite,
						 .encryption_key = key_material,
						 .authentication_key = key_material }),
			0);
		for (uint8_t i = 1; i <= rfc3602[c].pad_bytes; i++)
			plaintext[text_bytes++] = i; /* RFC 4303 2.4 */
		plaintext[text_bytes++] = rfc3602[c].pad_bytes;
		plaintext[text_bytes++] = rfc3602[c].next_header;
		assert_int_equal(bytes, ESP_HEADER_BYTES + 16 + text_bytes);
		crypto_decrypt(crypto, &op, 1);
		assert_memory_equal(esp + ESP_HEADER_BYTES + 16, plaintext, text_bytes);
	}
	free(key);
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
	assert_int_equal(crypto_key_init(crypto, key, CRYPTO_SEAL,
				 &(struct crypto_material) { .suite = none,
					 .encryption_key = material,
					 .authentication_key = material }),
		-EINVAL);
	assert_int_equal(crypto_key_init(crypto, key, CRYPTO_SEAL,
				 &(struct crypto_material) { .suite = bare,
					 .encryption_key = material,
					 .authentication_key = NULL }),
		-EINVAL);
	assert_int_equal(crypto_key_init(crypto, key, CRYPTO_SEAL,
				 &(struct crypto_material) { .suite = twice,
					 .encryption_key = material,
					 .authentication_key = material }),
		-EINVAL);
}

/* The ciphers whose blocks straddle cache lines, and no other: one that was never tried might read
 * what it has overwritten. */
static void
block_ciphers_ask_for_alignment(void **state)
{
	(void)state;
	for (unsigned s = 0; s < sas_n; s++) {
		bool stream = sas[s].suite.encryption->cipher == CIPHER_CHACHA20_POLY1305;

		assert_int_equal(crypto_esp_alignment(sas[s].suite), stream ? 1 : 16);
	}
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
		cmocka_unit_test_setup_teardown(rfc3602_packets_decrypt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_wiped_key_is_zero, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			suites_that_do_not_combine_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(block_ciphers_ask_for_alignment, set_up, tear_down),
		cmocka_unit_test(architectures_by_name),
		cmocka_unit_test_setup_teardown(empty_bursts_are_fine, set_up, tear_down),
	};

	srand(1); /* the same packets in every run */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
