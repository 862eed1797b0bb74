/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine.h"

#include <string.h>

/*
 * AES-GCM (RFC 4106) and ChaCha20-Poly1305 (RFC 7634). Both are parallel within a packet, so the
 * library's direct calls take one packet at a time; its bursts do not know them.
 */

#define AEAD_IV_BYTES 8
#define AEAD_ICV_BYTES 16
#define AEAD_PAYLOAD_AT (ESP_HEADER_BYTES + AEAD_IV_BYTES)
#define NONCE_BYTES 12 /* salt, IV */
#define AAD_BYTES_MAX (ESP_HEADER_BYTES + ESN_HIGH_BYTES)

/* What a packet brings to the cipher besides its payload. */
struct aead_input {
	uint8_t nonce[NONCE_BYTES];
	uint8_t aad[AAD_BYTES_MAX];
	unsigned aad_bytes;
};

/*
 * RFC 4106 sections 4 and 5, RFC 7634 section 2: the nonce is the salt and the packet's IV. The
 * AAD is SPI and sequence number; an extended one stands there whole, high half first.
 */
static inline void
read_input(struct aead_input *input, const struct crypto_op *op)
{
	const uint8_t *esp = op->esp;

	memcpy(input->nonce, op->key->salt, sizeof(op->key->salt));
	memcpy(input->nonce + sizeof(op->key->salt), esp + ESP_HEADER_BYTES, AEAD_IV_BYTES);
	memcpy(input->aad, esp, ESP_HEADER_BYTES);
	input->aad_bytes = ESP_HEADER_BYTES;
	if (op->key->esn) {
		memcpy(input->aad + ESP_SEQUENCE_AT, &op->esn_high_be, ESN_HIGH_BYTES);
		memcpy(input->aad + ESP_SEQUENCE_AT + ESN_HIGH_BYTES, esp + ESP_SEQUENCE_AT, 4);
		input->aad_bytes = AAD_BYTES_MAX;
	}
}

/*
 * RFC 4106 section 3.1: never the same IV twice under a key, and nothing more is asked of it. The
 * sequence number is that already, for all workers of an SA together. The XOR keeps it distinct,
 * and parts two installations of the same key (manual keys, a restart) that count from 1 again.
 */
static inline void
write_iv(const struct crypto_op *op)
{
	const struct crypto_key *key = op->key;
	uint32_t halves_be[2] = { key->esn ? op->esn_high_be : 0, 0 };
	uint64_t iv;

	memcpy(&halves_be[1], op->esp + ESP_SEQUENCE_AT, sizeof(halves_be[1]));
	memcpy(&iv, halves_be, sizeof(iv));
	iv ^= key->iv_xor;
	memcpy(op->esp + ESP_HEADER_BYTES, &iv, sizeof(iv));
}

void
aead_expand(struct crypto *crypto, struct crypto_key *key, enum crypto_direction direction,
	const uint8_t *encryption_key, const uint8_t *authentication_key)
{
	struct gcm_key_data *gcm = (struct gcm_key_data *)key->schedule;
	unsigned key_bytes = key->suite.encryption->key_bytes;

	(void)direction; /* both run the cipher forwards */
	(void)authentication_key;
	memcpy(key->salt, encryption_key + key_bytes, sizeof(key->salt));
	if (key->group == GROUP_CHACHA20) {
		memcpy(key->schedule, encryption_key, key_bytes);
		return;
	}
	switch (engine_groups[key->group].key_size) {
	case IMB_KEY_128_BYTES:
		IMB_AES128_GCM_PRE(crypto->manager, encryption_key, gcm);
		break;
	case IMB_KEY_192_BYTES:
		IMB_AES192_GCM_PRE(crypto->manager, encryption_key, gcm);
		break;
	case IMB_KEY_256_BYTES:
		IMB_AES256_GCM_PRE(crypto->manager, encryption_key, gcm);
		break;
	}
}

static aes_gcm_enc_dec_t
gcm_function(const struct crypto *crypto, uint8_t group, enum crypto_direction direction)
{
	const IMB_MGR *manager = crypto->manager;
	bool seal = direction == CRYPTO_SEAL;

	switch (engine_groups[group].key_size) {
	case IMB_KEY_128_BYTES:
		return seal ? manager->gcm128_enc : manager->gcm128_dec;
	case IMB_KEY_192_BYTES:
		return seal ? manager->gcm192_enc : manager->gcm192_dec;
	default:
		return seal ? manager->gcm256_enc : manager->gcm256_dec;
	}
}

static inline void
gcm_run(struct crypto *crypto, aes_gcm_enc_dec_t function, const struct crypto_op *op, uint8_t *icv)
{
	const struct gcm_key_data *key = (const struct gcm_key_data *)op->key->schedule;
	uint8_t *payload = op->esp + AEAD_PAYLOAD_AT;
	struct aead_input input;

	read_input(&input, op);
	function(key, &crypto->gcm, payload, payload, (uint64_t)op->bytes - AEAD_PAYLOAD_AT,
		input.nonce, input.aad, input.aad_bytes, icv, AEAD_ICV_BYTES);
}

void
gcm_seal(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run)
{
	aes_gcm_enc_dec_t encrypt = gcm_function(crypto, run->group, CRYPTO_SEAL);

	for (unsigned i = 0; i < run->n; i++) {
		const struct crypto_op *op = &ops[run->ops[i]];

		write_iv(op);
		gcm_run(crypto, encrypt, op, op->esp + op->bytes);
	}
}

void
gcm_verify(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run)
{
	aes_gcm_enc_dec_t decrypt = gcm_function(crypto, run->group, CRYPTO_OPEN);

	for (unsigned i = 0; i < run->n; i++) {
		struct crypto_op *op = &ops[run->ops[i]];

		gcm_run(crypto, decrypt, op, crypto->computed[i]);
		op->ok = icv_equal(crypto->computed[i], op->esp + op->bytes, AEAD_ICV_BYTES);
	}
}

static inline void
chacha20_run(struct crypto *crypto, chacha_poly_enc_dec_update_t update, const struct crypto_op *op,
	uint8_t *icv)
{
	struct chacha20_poly1305_context_data *context = &crypto->chacha;
	const uint8_t *key = op->key->schedule;
	uint8_t *payload = op->esp + AEAD_PAYLOAD_AT;
	struct aead_input input;

	read_input(&input, op);
	crypto->manager->chacha20_poly1305_init(
		key, context, input.nonce, input.aad, input.aad_bytes);
	update(key, context, payload, payload, (uint64_t)op->bytes - AEAD_PAYLOAD_AT);
	crypto->manager->chacha20_poly1305_finalize(context, icv, AEAD_ICV_BYTES);
}

void
chacha20_seal(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run)
{
	for (unsigned i = 0; i < run->n; i++) {
		const struct crypto_op *op = &ops[run->ops[i]];

		write_iv(op);
		chacha20_run(crypto, crypto->manager->chacha20_poly1305_enc_update, op,
			op->esp + op->bytes);
	}
}

void
chacha20_verify(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run)
{
	for (unsigned i = 0; i < run->n; i++) {
		struct crypto_op *op = &ops[run->ops[i]];

		chacha20_run(crypto, crypto->manager->chacha20_poly1305_dec_update, op,
			crypto->computed[i]);
		op->ok = icv_equal(crypto->computed[i], op->esp + op->bytes, AEAD_ICV_BYTES);
	}
}
