/* SPDX-License-Identifier: BSD-3-Clause */
#include "limit_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limit_options.h"
#include "manager.h"

#define KEY_MATERIAL_BYTES 64
#define ETHERNET_BYTES 14
#define IPV4_BYTES 20

/* Inner IP lengths, 7:4:1, spread as traffic is. */
static const unsigned imix[] = { 48, 48, 576, 48, 48, 576, 48, 48, 576, 48, 576, 1420 };

struct work *
work_create(const char *arch, struct suite suite)
{
	struct work *work = aligned_alloc(CACHE_LINE_BYTES, sizeof(*work));
	char error[256];

	memset(work, 0, sizeof(*work));
	work->key = aligned_alloc(CACHE_LINE_BYTES, crypto_key_size(suite));
	work->crypto = crypto_create(arch, error, sizeof(error));
	work->manager = manager_create(arch, error, sizeof(error));
	if (work->crypto == NULL || work->manager == NULL) {
		fprintf(stderr, "espalier-limit: %s\n", error);
		work_destroy(work);
		return NULL;
	}
	return work;
}

void
work_destroy(struct work *work)
{
	if (work == NULL)
		return;
	manager_destroy(work->manager);
	crypto_destroy(work->crypto);
	free(work->key);
	free(work);
}

void
work_turn(struct work *work, struct suite suite, enum crypto_direction direction)
{
	static const uint8_t key_material[KEY_MATERIAL_BYTES];

	work->direction = direction;
	crypto_key_init(work->crypto, work->key, direction,
		&(struct crypto_material) { .suite = suite,
			.encryption_key = key_material,
			.authentication_key = suite.authentication != NULL ? key_material : NULL });
	work->group = &engine_groups[work->key->group];
}

static int
longest_first(const void *a, const void *b)
{
	const struct crypto_op *x = a, *y = b;

	return (int)y->bytes - (int)x->bytes;
}

static void
fill_cbc(struct work *work, unsigned i)
{
	const struct crypto_key *key = work->key;
	const uint8_t state_bytes = work->group->state_bytes;
	unsigned payload_at = ESP_HEADER_BYTES + key->iv_bytes;
	const struct crypto_op *op = &work->ops[i];
	bool seal = work->direction == CRYPTO_SEAL;

	work->jobs[i] = (IMB_JOB) {
		.enc_keys = key->schedule + work->group->rounds_at,
		.dec_keys = key->schedule + work->group->rounds_at,
		.key_len_in_bytes = work->group->key_size,
		.src = op->esp,
		.dst = op->esp + payload_at,
		.cipher_start_src_offset_in_bytes = payload_at,
		.msg_len_to_cipher_in_bytes = op->bytes - payload_at,
		.msg_len_to_hash_in_bytes = op->bytes,
		.iv = op->esp + ESP_HEADER_BYTES,
		.iv_len_in_bytes = IV_BYTES,
		.auth_tag_output = seal ? op->esp + op->bytes : work->icvs[i],
		.auth_tag_output_len_in_bytes = key->icv_bytes,
		.u.HMAC._hashed_auth_key_xor_ipad = key->schedule,
		.u.HMAC._hashed_auth_key_xor_opad = key->schedule + state_bytes,
		.cipher_mode = IMB_CIPHER_CBC,
		.cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT,
		.hash_alg = hasher_algorithms[work->group->mac],
		.chain_order = seal ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER,
	};
}

static void
fill_gcm(struct work *work, unsigned i)
{
	const struct crypto_key *key = work->key;
	unsigned payload_at = ESP_HEADER_BYTES + key->iv_bytes;
	const struct crypto_op *op = &work->ops[i];
	bool seal = work->direction == CRYPTO_SEAL;

	work->jobs[i] = (IMB_JOB) {
		.enc_keys = gcm_schedule(key),
		.dec_keys = gcm_schedule(key),
		.key_len_in_bytes = work->group->key_size,
		.src = op->esp,
		.dst = op->esp + payload_at,
		.cipher_start_src_offset_in_bytes = payload_at,
		.hash_start_src_offset_in_bytes = payload_at,
		.msg_len_to_cipher_in_bytes = op->bytes - payload_at,
		.msg_len_to_hash_in_bytes = op->bytes - payload_at,
		.iv = work->nonces[i],
		.iv_len_in_bytes = NONCE_BYTES,
		.auth_tag_output = seal ? op->esp + op->bytes : work->icvs[i],
		.auth_tag_output_len_in_bytes = key->icv_bytes,
		.u.GCM.aad = op->esp,
		.u.GCM.aad_len_in_bytes = ESP_HEADER_BYTES,
		.cipher_mode = IMB_CIPHER_GCM,
		.cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT,
		.hash_alg = IMB_AUTH_AES_GMAC,
		.chain_order = seal ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER,
	};
}

/*
 * Where the ESP header of a packet lies: its frame begins a cache line, as devices write it. What
 * is to be sealed has its payload behind an Ethernet header, what is to be opened has ESP behind an
 * outer IPv4 header too. Alignment is worth 3 % of all at 1420 bytes.
 */
static unsigned
place_of_esp(const struct work *work)
{
	unsigned before_payload = ESP_HEADER_BYTES + work->key->iv_bytes;

	return CACHE_LINE_BYTES + ETHERNET_BYTES +
		(work->direction == CRYPTO_SEAL ? -before_payload : IPV4_BYTES);
}

/* Ours moves what it seals to where that is fastest, as the gateway does. */
static void
shift(struct work *work, struct crypto_op *op)
{
	unsigned misaligned = crypto_esp_alignment(work->key->suite) - 1;

	op->shift = (uint8_t)((uintptr_t)op->esp & misaligned);
	op->esp -= op->shift;
}

/* Equal lengths stay within one burst's packets, as a real burst's would be: hot. */
void
work_prepare(struct work *work, unsigned length, const struct method *method)
{
	unsigned payload_at = ESP_HEADER_BYTES + work->key->iv_bytes;
	unsigned block = work->key->block_bytes;
	unsigned sort = method->burst;

	work->burst = method->burst;
	work->n = length == IMIX || method->burst == 1 ? PACKETS : method->burst;
	for (unsigned i = 0; i < work->n; i++) {
		unsigned inner = length == IMIX ? imix[i % ARRAY_LEN(imix)] : length;

		work->ops[i] = (struct crypto_op) {
			.key = work->key,
			.esp = work->packets[i] + place_of_esp(work),
			/* padding, pad length and next header fill up the block */
			.bytes = (uint16_t)(payload_at + ((inner + 2 + block - 1) & ~(block - 1))),
		};
		if (method_is_ours(method) && work->direction == CRYPTO_SEAL)
			shift(work, &work->ops[i]);
	}
	for (unsigned i = 0; method->order == SORTED && i < work->n; i += sort)
		qsort(&work->ops[i], sort, sizeof(work->ops[0]), longest_first);
	for (unsigned i = 0; i < work->n; i++) {
		if (work->key->suite.encryption->aead)
			fill_gcm(work, i);
		else
			fill_cbc(work, i);
	}
}
