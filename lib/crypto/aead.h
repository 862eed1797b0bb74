/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <string.h>

#include "engine.h"

/* What AES-GCM (RFC 4106) and ChaCha20-Poly1305 (RFC 7634) have in common in ESP. Internal to
 * lib/crypto. */

#define AEAD_IV_BYTES 8
#define AEAD_ICV_BYTES 16
#define AEAD_PAYLOAD_AT (ESP_HEADER_BYTES + AEAD_IV_BYTES)

/*
 * RFC 4106 sections 4 and 5, RFC 7634 section 2: the nonce is the salt and the packet's IV. The
 * AAD is SPI and sequence number, as they stand in the packet; but an extended number is in it
 * whole, high half first. `esn`: the run's keys have one.
 */
static inline void
aead_read_input(struct aead_input *input, const struct crypto_op *op, bool esn)
{
	const uint8_t *esp = op->esp;

	memcpy(input->nonce, op->key->salt, sizeof(op->key->salt));
	memcpy(input->nonce + sizeof(op->key->salt), esp + ESP_HEADER_BYTES, AEAD_IV_BYTES);
	if (!esn)
		return;
	memcpy(input->aad, esp, ESP_SEQUENCE_AT);
	memcpy(input->aad + ESP_SEQUENCE_AT, &op->esn_high_be, ESN_HIGH_BYTES);
	memcpy(input->aad + ESP_SEQUENCE_AT + ESN_HIGH_BYTES, esp + ESP_SEQUENCE_AT,
		ESP_HEADER_BYTES - ESP_SEQUENCE_AT);
}

static inline const uint8_t *
aead_aad(const struct aead_input *input, const struct crypto_op *op, bool esn)
{
	return esn ? input->aad : op->esp;
}

static inline unsigned
aead_aad_bytes(bool esn)
{
	return esn ? ESP_HEADER_BYTES + ESN_HIGH_BYTES : ESP_HEADER_BYTES;
}

/*
 * RFC 4106 section 3.1: never the same IV twice under a key, and nothing more is asked of it. The
 * sequence number is that already, for all workers of an SA together. The XOR keeps it distinct,
 * and parts two installations of the same key (manual keys, a restart) that count from 1 again.
 */
static inline void
aead_write_iv(const struct crypto_op *op)
{
	const struct crypto_key *key = op->key;
	uint32_t halves_be[2] = { key->group & KEY_ESN ? op->esn_high_be : 0, 0 };
	uint64_t iv, xor;

	memcpy(&halves_be[1], op->esp + ESP_SEQUENCE_AT, sizeof(halves_be[1]));
	memcpy(&iv, halves_be, sizeof(iv));
	memcpy(&xor, key->schedule, AEAD_IV_XOR_BYTES);
	iv ^= xor;
	memcpy(op->esp + ESP_HEADER_BYTES, &iv, sizeof(iv));
}
