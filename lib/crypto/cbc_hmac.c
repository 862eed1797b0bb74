/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine.h"

#include <string.h>

/*
 * AES-CBC (RFC 3602) with HMAC (RFC 2404, RFC 4868): ipsec-mb's synchronous bursts. Encrypting
 * CBC and hashing are serial within a packet, so the library runs many packets side by side.
 *
 * crypto_create() has set what is the same for all jobs for ever: the hash starts at the header.
 * What is written per packet is what differs between packets. The jobs of a burst are half of the
 * first-level cache, so they are filled from the last to the first: the library starts with the
 * first, and what was touched last is what is still near.
 */

#define PAYLOAD_AT (ESP_HEADER_BYTES + IV_BYTES)
#define HMAC_BLOCK_BYTES_MAX 128
#define AES_SCHEDULE_BYTES_MAX (15 * 16)

/* RFC 2104: the hash's state after the block key XOR pad. */
static void
absorb_pad(IMB_MGR *manager, enum mac mac, const uint8_t *key, unsigned key_bytes, uint8_t pad,
	uint8_t *state)
{
	uint8_t block[HMAC_BLOCK_BYTES_MAX];

	memset(block, pad, sizeof(block));
	for (unsigned i = 0; i < key_bytes; i++)
		block[i] ^= key[i];
	switch (mac) {
	case MAC_HMAC_SHA1:
		IMB_SHA1_ONE_BLOCK(manager, block, state);
		break;
	case MAC_HMAC_SHA256:
		IMB_SHA256_ONE_BLOCK(manager, block, state);
		break;
	case MAC_HMAC_SHA384:
		IMB_SHA384_ONE_BLOCK(manager, block, state);
		break;
	default:
		IMB_SHA512_ONE_BLOCK(manager, block, state);
		break;
	}
	explicit_bzero(block, sizeof(block));
}

void
cbc_hmac_expand(struct crypto *crypto, struct crypto_key *key, enum crypto_direction direction,
	const uint8_t *encryption_key, const uint8_t *authentication_key)
{
	const struct group *group = engine_group(key->group);
	uint8_t unused[AES_SCHEDULE_BYTES_MAX] __attribute__((aligned(16)));
	uint8_t *rounds = key->schedule + group->rounds_at;
	uint8_t *enc = direction == CRYPTO_SEAL ? rounds : unused;
	uint8_t *dec = direction == CRYPTO_SEAL ? unused : rounds;
	unsigned key_bytes = key->suite.authentication->key_bytes;

	absorb_pad(crypto->manager, group->mac, authentication_key, key_bytes, 0x36, key->schedule);
	absorb_pad(crypto->manager, group->mac, authentication_key, key_bytes, 0x5c,
		key->schedule + group->state_bytes);
	switch (group->key_size) {
	case IMB_KEY_128_BYTES:
		IMB_AES_KEYEXP_128(crypto->manager, encryption_key, enc, dec);
		break;
	case IMB_KEY_192_BYTES:
		IMB_AES_KEYEXP_192(crypto->manager, encryption_key, enc, dec);
		break;
	default:
		IMB_AES_KEYEXP_256(crypto->manager, encryption_key, enc, dec);
		break;
	}
	explicit_bzero(unused, sizeof(unused));
}

static inline const uint8_t *
lane_order(struct crypto *crypto, const struct crypto_op ops[], const struct order_run *run)
{
	return run->uneven ? order_by_length(&crypto->order, ops, run) : run->ops;
}

/*
 * What ICVs cover beyond the packet: with ESN the high half of the sequence number, which is not
 * sent (RFC 4303 2.2.1). It is hashed as if it stood behind the payload, and the ICV's place is
 * free to hold it that long.
 */
static void
append_esn_highs(
	struct crypto *crypto, const struct crypto_op ops[], const uint8_t *order, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct crypto_op *op = &ops[order[i]];

		memcpy(op->esp + op->bytes, &op->esn_high_be, ESN_HIGH_BYTES);
		crypto->jobs[i].msg_len_to_hash_in_bytes += ESN_HIGH_BYTES;
	}
}

void
cbc_hmac_seal_with(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run,
	const uint8_t ivs[][IV_BYTES])
{
	const struct group *group = engine_group(run->group);
	const uint8_t *order = lane_order(crypto, ops, run);
	const size_t state_bytes = group->state_bytes, rounds_at = group->rounds_at;
	const unsigned icv_bytes = ops[order[0]].key->icv_bytes;
	const unsigned n = run->n;

	for (unsigned i = n; i-- > 0;) {
		const struct crypto_op *op = &ops[order[i]];
		const struct crypto_key *key = op->key;
		const uint64_t bytes = op->bytes;
		uint8_t *esp = op->esp;
		IMB_JOB *job = &crypto->jobs[i];

		memcpy(esp + ESP_HEADER_BYTES, ivs[i], IV_BYTES);
		job->enc_keys = key->schedule + rounds_at;
		job->src = esp;
		job->dst = esp + PAYLOAD_AT;
		job->cipher_start_src_offset_in_bytes = PAYLOAD_AT + (uint64_t)op->shift;
		job->msg_len_to_cipher_in_bytes = bytes - PAYLOAD_AT;
		job->msg_len_to_hash_in_bytes = bytes;
		job->iv = esp + ESP_HEADER_BYTES;
		job->auth_tag_output = esp + bytes;
		job->auth_tag_output_len_in_bytes = icv_bytes;
		job->u.HMAC._hashed_auth_key_xor_ipad = key->schedule;
		job->u.HMAC._hashed_auth_key_xor_opad = key->schedule + state_bytes;
	}
	require_all(IMB_SUBMIT_CIPHER_BURST_NOCHECK(crypto->manager, crypto->jobs, n,
			    IMB_CIPHER_CBC, IMB_DIR_ENCRYPT, group->key_size),
		n);
	if (run->group & KEY_ESN)
		append_esn_highs(crypto, ops, order, n);
	hasher_burst(&crypto->hasher, crypto->jobs, n, group->mac);
}

void
cbc_hmac_seal(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run)
{
	cbc_hmac_seal_with(crypto, ops, run, iv_draw(&crypto->ivs, crypto->manager, run->n));
}

/* Shares the packet, and cache lines of the job, with what describes the hash. */
static inline void
describe_decryption(IMB_JOB *job, const struct crypto_op *op, size_t rounds_at)
{
	job->dec_keys = op->key->schedule + rounds_at;
	job->src = op->esp;
	job->dst = op->esp + PAYLOAD_AT;
	job->cipher_start_src_offset_in_bytes = PAYLOAD_AT;
	job->msg_len_to_cipher_in_bytes = (uint64_t)op->bytes - PAYLOAD_AT;
	job->iv = op->esp + ESP_HEADER_BYTES;
}

void
cbc_hmac_verify(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run)
{
	const struct group *group = engine_group(run->group);
	const uint8_t *order = lane_order(crypto, ops, run);
	const size_t state_bytes = group->state_bytes, rounds_at = group->rounds_at;
	const unsigned icv_bytes = ops[order[0]].key->icv_bytes;
	const bool esn = run->group & KEY_ESN;
	const unsigned n = run->n;

	for (unsigned i = n; i-- > 0;) {
		const struct crypto_op *op = &ops[order[i]];
		const struct crypto_key *key = op->key;
		IMB_JOB *job = &crypto->jobs[i];

		describe_decryption(job, op, rounds_at);
		job->msg_len_to_hash_in_bytes = op->bytes;
		job->auth_tag_output = crypto->computed[i];
		job->auth_tag_output_len_in_bytes = icv_bytes;
		job->u.HMAC._hashed_auth_key_xor_ipad = key->schedule;
		job->u.HMAC._hashed_auth_key_xor_opad = key->schedule + state_bytes;
	}
	if (esn) {
		for (unsigned i = 0; i < n; i++)
			icv_copy(crypto->received[i], crypto->jobs[i].src + ops[order[i]].bytes,
				icv_bytes);
		append_esn_highs(crypto, ops, order, n);
	}
	hasher_burst(&crypto->hasher, crypto->jobs, n, group->mac);
	for (unsigned i = n; i-- > 0;) {
		struct crypto_op *op = &ops[order[i]];
		const uint8_t *received = esn ? crypto->received[i] : op->esp + op->bytes;

		op->ok = icv_equal(crypto->computed[i], received, icv_bytes);
	}
}

/* Decrypting CBC is parallel within a packet: one after the other, in any order. If all that was
 * verified is to be decrypted, the jobs are as they should be. */
void
cbc_hmac_decrypt(struct crypto *crypto, struct crypto_op ops[], const struct order_run *run)
{
	const struct group *group = engine_group(run->group);
	const unsigned n = run->n;

	if (crypto->prepared == NULL)
		for (unsigned i = n; i-- > 0;)
			describe_decryption(&crypto->jobs[i], &ops[run->ops[i]], group->rounds_at);
	require_all(IMB_SUBMIT_CIPHER_BURST_NOCHECK(crypto->manager, crypto->jobs, n,
			    IMB_CIPHER_CBC, IMB_DIR_DECRYPT, group->key_size),
		n);
}
