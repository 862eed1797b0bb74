/* SPDX-License-Identifier: BSD-3-Clause */
#include "suite.h"

#include <stddef.h>
#include <string.h>

#include "compiler.h"

static const struct encryption encryptions[] = {
	{ .name = "aes128-cbc",
		.cipher = CIPHER_AES_CBC,
		.key_bytes = 16,
		.iv_bytes = 16,
		.block_bytes = 16 },
	{ .name = "aes192-cbc",
		.cipher = CIPHER_AES_CBC,
		.key_bytes = 24,
		.iv_bytes = 16,
		.block_bytes = 16 },
	{ .name = "aes256-cbc",
		.cipher = CIPHER_AES_CBC,
		.key_bytes = 32,
		.iv_bytes = 16,
		.block_bytes = 16 },
	{ .name = "aes128-gcm",
		.cipher = CIPHER_AES_GCM,
		.aead = true,
		.key_bytes = 16,
		.salt_bytes = 4,
		.iv_bytes = 8,
		.block_bytes = 4,
		.icv_bytes = 16 },
	{ .name = "aes192-gcm",
		.cipher = CIPHER_AES_GCM,
		.aead = true,
		.key_bytes = 24,
		.salt_bytes = 4,
		.iv_bytes = 8,
		.block_bytes = 4,
		.icv_bytes = 16 },
	{ .name = "aes256-gcm",
		.cipher = CIPHER_AES_GCM,
		.aead = true,
		.key_bytes = 32,
		.salt_bytes = 4,
		.iv_bytes = 8,
		.block_bytes = 4,
		.icv_bytes = 16 },
	{ .name = "chacha20-poly1305",
		.cipher = CIPHER_CHACHA20_POLY1305,
		.aead = true,
		.key_bytes = 32,
		.salt_bytes = 4,
		.iv_bytes = 8,
		.block_bytes = 4,
		.icv_bytes = 16 },
};

static const struct authentication authentications[] = {
	{ .name = "hmac-sha1-96", .mac = MAC_HMAC_SHA1, .key_bytes = 20, .icv_bytes = 12 },
	{ .name = "hmac-sha256-128", .mac = MAC_HMAC_SHA256, .key_bytes = 32, .icv_bytes = 16 },
	{ .name = "hmac-sha384-192", .mac = MAC_HMAC_SHA384, .key_bytes = 48, .icv_bytes = 24 },
	{ .name = "hmac-sha512-256", .mac = MAC_HMAC_SHA512, .key_bytes = 64, .icv_bytes = 32 },
};

const struct encryption *
suite_encryption_row(unsigned row)
{
	return row < ARRAY_LEN(encryptions) ? &encryptions[row] : NULL;
}

const struct authentication *
suite_authentication_row(unsigned row)
{
	return row < ARRAY_LEN(authentications) ? &authentications[row] : NULL;
}

const struct encryption *
suite_encryption_find(const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(encryptions); i++)
		if (strcmp(encryptions[i].name, name) == 0)
			return &encryptions[i];
	return NULL;
}

const struct authentication *
suite_authentication_find(const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(authentications); i++)
		if (strcmp(authentications[i].name, name) == 0)
			return &authentications[i];
	return NULL;
}

uint8_t
suite_icv_bytes(struct suite suite)
{
	return suite.encryption->aead ? suite.encryption->icv_bytes
				      : suite.authentication->icv_bytes;
}
