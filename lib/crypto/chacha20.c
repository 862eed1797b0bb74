/* SPDX-License-Identifier: BSD-3-Clause */
#include "aead.h"
#include "manager.h"

/*
 * ChaCha20-Poly1305 (RFC 7634). The library's direct calls make the Poly1305 key apart from the
 * keystream and take two thirds longer for a small packet than its jobs do. Its job queue is safe
 * here though synchronous bursts use the same manager: such a job never waits in a lane, so the
 * queue is empty again when the submission returns, which is checked.
 */

void
chacha20_expand(struct crypto *crypto, struct crypto_key *key, enum crypto_direction direction,
	const uint8_t *encryption_key, const uint8_t *authentication_key)
{
	unsigned key_bytes = key->suite.encryption->key_bytes;

	(void)crypto; /* a stream cipher has no schedule */
	(void)direction;
	(void)authentication_key;
	memcpy(key->schedule + CHACHA20_KEY_AT, encryption_key, key_bytes);
	memcpy(key->salt, encryption_key + key_bytes, sizeof(key->salt));
}

/* What both directions write; the rest is the caller's. */
static inline void
fill(struct crypto *crypto, IMB_JOB *job, const struct crypto_op *op, struct aead_input *input)
{
	const bool esn = op->key->group & KEY_ESN;

	aead_read_input(input, op, esn);
	job->enc_keys = op->key->schedule + CHACHA20_KEY_AT;
	job->dec_keys = op->key->schedule + CHACHA20_KEY_AT;
	job->key_len_in_bytes = IMB_KEY_256_BYTES;
	job->src = op->esp;
	job->dst = op->esp + AEAD_PAYLOAD_AT;
	job->cipher_start_src_offset_in_bytes = AEAD_PAYLOAD_AT;
	job->msg_len_to_cipher_in_bytes = (uint64_t)op->bytes - AEAD_PAYLOAD_AT;
	job->hash_start_src_offset_in_bytes = AEAD_PAYLOAD_AT;
	job->msg_len_to_hash_in_bytes = (uint64_t)op->bytes - AEAD_PAYLOAD_AT;
	job->iv = input->nonce;
	job->iv_len_in_bytes = sizeof(input->nonce);
	job->auth_tag_output_len_in_bytes = AEAD_ICV_BYTES;
	job->u.CHACHA20_POLY1305.aad = aead_aad(input, op, esn);
	job->u.CHACHA20_POLY1305.aad_len_in_bytes = aead_aad_bytes(esn);
	job->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
	job->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
	manager_finish_job(crypto->manager, job);
}

void
chacha20_seal(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run)
{
	IMB_JOB *jobs[BURST_PKTS];
	const unsigned n = run->n;

	require_all(IMB_GET_NEXT_BURST(crypto->manager, n, jobs), n);
	for (unsigned i = 0; i < n; i++) {
		const struct crypto_op *op = &ops[run->ops[i]];

		aead_write_iv(op);
		jobs[i]->auth_tag_output = op->esp + op->bytes;
		jobs[i]->cipher_direction = IMB_DIR_ENCRYPT;
		jobs[i]->chain_order = IMB_ORDER_CIPHER_HASH;
		fill(crypto, jobs[i], op, &crypto->inputs[i]);
	}
	require_all(IMB_SUBMIT_BURST_NOCHECK(crypto->manager, n, jobs), n);
}

void
chacha20_verify(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run)
{
	IMB_JOB *jobs[BURST_PKTS];
	const unsigned n = run->n;

	require_all(IMB_GET_NEXT_BURST(crypto->manager, n, jobs), n);
	for (unsigned i = 0; i < n; i++) {
		jobs[i]->auth_tag_output = crypto->computed[i];
		jobs[i]->cipher_direction = IMB_DIR_DECRYPT;
		jobs[i]->chain_order = IMB_ORDER_HASH_CIPHER;
		fill(crypto, jobs[i], &ops[run->ops[i]], &crypto->inputs[i]);
	}
	require_all(IMB_SUBMIT_BURST_NOCHECK(crypto->manager, n, jobs), n);
	for (unsigned i = 0; i < n; i++) {
		struct crypto_op *op = &ops[run->ops[i]];

		op->ok = icv_equal(crypto->computed[i], op->esp + op->bytes, AEAD_ICV_BYTES);
	}
}
