/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What the tests of lib/crypto share: an engine with an SA of every suite, and bursts of packets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto.h"

#define SUITES_MAX 32
#define ESP_HEADER_BYTES 8
#define PAYLOAD_BYTES_MAX 1536
#define ICV_BYTES_MAX 32
#define GUARD_BYTES 64
#define GUARD 0xa5
#define PACKET_BYTES (ESP_HEADER_BYTES + 16 + PAYLOAD_BYTES_MAX + ICV_BYTES_MAX + GUARD_BYTES)
#define KEY_BYTES_MAX 64

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

static inline void
fill_random(uint8_t *bytes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		bytes[i] = (uint8_t)(rand() >> 7);
}

static inline struct crypto_key *
new_key(struct sa *sa, enum crypto_direction direction)
{
	struct crypto_key *key = aligned_alloc(CACHE_LINE_BYTES, crypto_key_size(sa->suite));

	assert_non_null(key);
	assert_int_equal(crypto_key_init(crypto, key, direction,
				 &(struct crypto_material) { .suite = sa->suite,
					 .encryption_key = sa->encryption_key,
					 .authentication_key = sa->suite.authentication == NULL
						 ? NULL
						 : sa->authentication_key,
					 .esn = sa->esn }),
		0);
	return key;
}

static inline void
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
static inline bool
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

static inline void
stop(void)
{
	for (unsigned i = 0; i < sas_n; i++) {
		free(sas[i].seal);
		free(sas[i].open);
	}
	crypto_destroy(crypto);
}

static inline int
set_up(void **state)
{
	(void)state;
	return start(NULL) ? 0 : -1;
}

static inline int
tear_down(void **state)
{
	(void)state;
	stop();
	return 0;
}

/* A packet of random content for an SA; its ICV's place and what follows are guard bytes. */
static inline void
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

static inline void
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

static inline unsigned
random_blocks(const struct sa *sa)
{
	return 1 + (unsigned)rand() % (PAYLOAD_BYTES_MAX / sa->suite.encryption->block_bytes);
}
