/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * THE algorithm table. An ESP suite is an encryption row, and an authentication row unless the
 * encryption is an AEAD. A new algorithm is a row here and its calls in engine files; nothing else
 * knows algorithm names. Knows neither DPDK nor ipsec-mb, so the configuration checker links it
 * too.
 */

enum cipher {
	CIPHER_AES_CBC,           /* RFC 3602 */
	CIPHER_AES_GCM,           /* RFC 4106 */
	CIPHER_CHACHA20_POLY1305, /* RFC 7634 */
};

struct encryption {
	const char *name; /* as configuration and JSON spell it */
	enum cipher cipher;
	bool aead;
	uint8_t key_bytes;   /* without the salt */
	uint8_t salt_bytes;  /* follows the key in key material; AEADs only */
	uint8_t iv_bytes;    /* carried in each packet */
	uint8_t block_bytes; /* payload + padding + 2 is a multiple of this; at least 4 (RFC
				4303 2.4) */
	uint8_t icv_bytes;   /* AEADs; 0: the authentication row says it */
};

enum mac {
	MAC_HMAC_SHA1,   /* RFC 2404 */
	MAC_HMAC_SHA256, /* RFC 4868 */
	MAC_HMAC_SHA384,
	MAC_HMAC_SHA512,
	MAC_COUNT
};

struct authentication {
	const char *name;
	enum mac mac;
	uint8_t key_bytes;
	uint8_t icv_bytes;
};

struct suite {
	const struct encryption *encryption;
	const struct authentication *authentication; /* NULL with an AEAD */
};

/* Rows of the tables, for lists in help texts and for tests. NULL past the last row. */
const struct encryption *suite_encryption_row(unsigned row);
const struct authentication *suite_authentication_row(unsigned row);

/* The row with that name, or NULL. Any thread. */
const struct encryption *suite_encryption_find(const char *name);
const struct authentication *suite_authentication_find(const char *name);

/* Bytes of ICV at the end of each packet. */
uint8_t suite_icv_bytes(struct suite suite);
