/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "compiler.h"
#include "suite.h"

/* The names that configuration files, JSON and the netlink codec rely on. */
static void
names_are_the_documented_ones(void **state)
{
	static const char *const encryptions[] = { "aes128-cbc", "aes192-cbc", "aes256-cbc",
		"aes128-gcm", "aes192-gcm", "aes256-gcm", "chacha20-poly1305" };
	static const char *const authentications[] = { "hmac-sha1-96", "hmac-sha256-128",
		"hmac-sha384-192", "hmac-sha512-256" };
	unsigned row;

	(void)state;
	for (row = 0; row < ARRAY_LEN(encryptions); row++) {
		assert_string_equal(suite_encryption_row(row)->name, encryptions[row]);
		assert_ptr_equal(
			suite_encryption_find(encryptions[row]), suite_encryption_row(row));
	}
	assert_null(suite_encryption_row(row));
	for (row = 0; row < ARRAY_LEN(authentications); row++) {
		assert_string_equal(suite_authentication_row(row)->name, authentications[row]);
		assert_ptr_equal(suite_authentication_find(authentications[row]),
			suite_authentication_row(row));
	}
	assert_null(suite_authentication_row(row));
	assert_null(suite_encryption_find("aes128"));
	assert_null(suite_encryption_find(""));
	assert_null(suite_authentication_find("hmac-sha1"));
}

/* RFC 2404 and RFC 4868: the key is as long as the digest, the ICV half of it, but for SHA-1. */
static void
macs_have_the_rfcs_lengths(void **state)
{
	static const struct {
		enum mac mac;
		unsigned key_bytes, icv_bytes;
	} rows[] = { { MAC_HMAC_SHA1, 20, 12 }, { MAC_HMAC_SHA256, 32, 16 },
		{ MAC_HMAC_SHA384, 48, 24 }, { MAC_HMAC_SHA512, 64, 32 } };

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		const struct authentication *a = suite_authentication_row(i);

		assert_int_equal(a->mac, rows[i].mac);
		assert_int_equal(a->key_bytes, rows[i].key_bytes);
		assert_int_equal(a->icv_bytes, rows[i].icv_bytes);
	}
}

/* RFC 3602, RFC 4106, RFC 7634: lengths of keys, salts, IVs, blocks and ICVs. */
static void
ciphers_have_the_rfcs_lengths(void **state)
{
	(void)state;
	for (unsigned i = 0; suite_encryption_row(i) != NULL; i++) {
		const struct encryption *e = suite_encryption_row(i);

		assert_true(e->key_bytes == 16 || e->key_bytes == 24 || e->key_bytes == 32);
		if (strncmp(e->name, "aes", 3) == 0)
			assert_memory_equal(e->name + 3,
				e->key_bytes == 16           ? "128"
					: e->key_bytes == 24 ? "192"
							     : "256",
				3);
		assert_int_equal(e->aead, e->cipher != CIPHER_AES_CBC);
		assert_int_equal(e->salt_bytes, e->aead ? 4 : 0);
		assert_int_equal(e->iv_bytes, e->aead ? 8 : 16);
		assert_int_equal(e->block_bytes, e->aead ? 4 : 16);
		assert_int_equal(e->icv_bytes, e->aead ? 16 : 0);
	}
}

static void
the_icv_is_the_mac_s_or_the_aead_s(void **state)
{
	struct suite cbc = { suite_encryption_find("aes256-cbc"),
		suite_authentication_find("hmac-sha384-192") };
	struct suite gcm = { suite_encryption_find("aes128-gcm"), NULL };

	(void)state;
	assert_int_equal(suite_icv_bytes(cbc), 24);
	assert_int_equal(suite_icv_bytes(gcm), 16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_the_documented_ones),
		cmocka_unit_test(macs_have_the_rfcs_lengths),
		cmocka_unit_test(ciphers_have_the_rfcs_lengths),
		cmocka_unit_test(the_icv_is_the_mac_s_or_the_aead_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
