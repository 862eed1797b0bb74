/* SPDX-License-Identifier: BSD-3-Clause */
#include "aead.h"

/*
 * AES-GCM (RFC 4106). It is parallel within a packet, so the library's direct calls take one packet
 * at a time; its synchronous bursts do not know it.
 */

#define SHORTER_SHARE 4 /* of a burst may be too short for the narrow code, one in so many */

static unsigned
size_of(uint8_t group)
{
	return (group & ~KEY_ESN) - GROUP_GCM(0);
}

void
gcm_expand(struct crypto *crypto, struct crypto_key *key, enum crypto_direction direction,
	const uint8_t *encryption_key, const uint8_t *authentication_key)
{
	struct gcm_key_data *gcm = (struct gcm_key_data *)(key->schedule + GCM_SCHEDULE_AT);
	unsigned key_bytes = key->suite.encryption->key_bytes;

	(void)direction; /* both run the cipher forwards */
	(void)authentication_key;
	memcpy(key->salt, encryption_key + key_bytes, sizeof(key->salt));
	gcm_code_expand(crypto->gcm_codes.expander, size_of(key->group), encryption_key, gcm);
}

/* What is fastest for most of a run. All of it goes there, because to go from one code to the other
 * and back costs more than it gives; and what the narrow one loses with a short packet is twice
 * what it gains with a long one, or more. */
static aes_gcm_enc_dec_t
function_for(const struct crypto *crypto, enum crypto_direction direction,
	const struct crypto_op ops[], const struct order_run *run)
{
	const struct gcm_code *code = &crypto->gcm_codes.of[size_of(run->group)][direction];
	unsigned shorter = 0;

	if (!run->uneven)
		return ops[run->ops[0]].bytes < code->narrow_from ? code->wide : code->narrow;
	for (unsigned i = 0; i < run->n; i++)
		shorter += ops[run->ops[i]].bytes < code->narrow_from;
	return shorter > run->n / SHORTER_SHARE ? code->wide : code->narrow;
}

/* How all of a run are done. */
struct manner {
	aes_gcm_enc_dec_t function;
	bool esn;
};

static inline struct manner
manner_of(const struct crypto *crypto, enum crypto_direction direction,
	const struct crypto_op ops[], const struct order_run *run)
{
	return (struct manner) {
		.function = function_for(crypto, direction, ops, run),
		.esn = run->group & KEY_ESN,
	};
}

/* `from`: where the payload is; it goes to its place in the packet. */
static inline void
process(struct crypto *crypto, struct manner manner, const struct crypto_op *op,
	const uint8_t *from, unsigned i, uint8_t *icv)
{
	const struct aead_input *input = &crypto->inputs[i];

	manner.function(gcm_schedule(op->key), &crypto->gcm, op->esp + AEAD_PAYLOAD_AT, from,
		(uint64_t)op->bytes - AEAD_PAYLOAD_AT, input->nonce,
		aead_aad(input, op, manner.esn), aead_aad_bytes(manner.esn), icv, AEAD_ICV_BYTES);
}

/* In both directions what the library reads in wider pieces than it is written in, nonces and with
 * ESN AADs, comes first for the whole run: right after the writing, each call would wait until that
 * has reached the cache. */

void
gcm_seal(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run)
{
	const struct manner manner = manner_of(crypto, CRYPTO_SEAL, ops, run);

	for (unsigned i = 0; i < run->n; i++) {
		const struct crypto_op *op = &ops[run->ops[i]];

		aead_write_iv(op);
		aead_read_input(&crypto->inputs[i], op, manner.esn);
	}
	for (unsigned i = 0; i < run->n; i++) {
		const struct crypto_op *op = &ops[run->ops[i]];

		process(crypto, manner, op, op->esp + AEAD_PAYLOAD_AT + op->shift, i,
			op->esp + op->bytes);
	}
}

void
gcm_verify(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run)
{
	const struct manner manner = manner_of(crypto, CRYPTO_OPEN, ops, run);

	for (unsigned i = 0; i < run->n; i++)
		aead_read_input(&crypto->inputs[i], &ops[run->ops[i]], manner.esn);
	for (unsigned i = 0; i < run->n; i++) {
		struct crypto_op *op = &ops[run->ops[i]];
		uint8_t *icv = crypto->computed[i];

		process(crypto, manner, op, op->esp + AEAD_PAYLOAD_AT, i, icv);
		op->ok = icv_equal(icv, op->esp + op->bytes, AEAD_ICV_BYTES);
	}
}
