/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "engine.h"
#include "manager.h"

#define AES_ROUND_KEYS_BYTES(key_size) (16 * (7 + (key_size) / 4)) /* FIPS 197: Nk + 6 rounds */

/* AES's round keys begin a cache line of the key: the library loads them by whole ones. */
#define ROUNDS_AT(state_bytes) \
	(((sizeof(struct crypto_key) + 2 * (state_bytes) + CACHE_LINE_BYTES - 1) & \
		 ~(size_t)(CACHE_LINE_BYTES - 1)) - \
		sizeof(struct crypto_key))

#define CBC_HMAC(size, size_bytes, mac_, state) \
	[GROUP_CBC(size, mac_)] = { .seal = cbc_hmac_seal, \
		.verify = cbc_hmac_verify, \
		.decrypt = cbc_hmac_decrypt, \
		.expand = cbc_hmac_expand, \
		.schedule_bytes = ROUNDS_AT(state) + AES_ROUND_KEYS_BYTES(size_bytes), \
		.key_size = (size_bytes), \
		.mac = (mac_), \
		.state_bytes = (state), \
		.rounds_at = ROUNDS_AT(state), \
		.shifts = true }
#define CBC_HMACS(size, size_bytes) \
	CBC_HMAC(size, size_bytes, MAC_HMAC_SHA1, 20), \
		CBC_HMAC(size, size_bytes, MAC_HMAC_SHA256, 32), \
		CBC_HMAC(size, size_bytes, MAC_HMAC_SHA384, 64), \
		CBC_HMAC(size, size_bytes, MAC_HMAC_SHA512, 64)
#define GCM_GROUP(size, size_bytes) \
	[GROUP_GCM(size)] = { .seal = gcm_seal, \
		.verify = gcm_verify, \
		.expand = gcm_expand, \
		.schedule_bytes = GCM_SCHEDULE_AT + sizeof(struct gcm_key_data), \
		.key_size = (size_bytes), \
		.shifts = true }

const struct group engine_groups[GROUP_COUNT] = {
	CBC_HMACS(0, IMB_KEY_128_BYTES),
	CBC_HMACS(1, IMB_KEY_192_BYTES),
	CBC_HMACS(2, IMB_KEY_256_BYTES),
	GCM_GROUP(0, IMB_KEY_128_BYTES),
	GCM_GROUP(1, IMB_KEY_192_BYTES),
	GCM_GROUP(2, IMB_KEY_256_BYTES),
	[GROUP_CHACHA20] = { .seal = chacha20_seal,
		.verify = chacha20_verify,
		.expand = chacha20_expand,
		.schedule_bytes = CHACHA20_KEY_AT + 32,
		.key_size = IMB_KEY_256_BYTES },
};

struct crypto *
crypto_create(const char *arch, char *error, size_t error_bytes)
{
	IMB_MGR *manager = manager_create(arch, error, error_bytes);
	struct crypto *crypto;
	void *memory;
	int err;

	if (manager == NULL)
		return NULL;
	if (posix_memalign(&memory, CACHE_LINE_BYTES, sizeof(*crypto)) != 0) {
		snprintf(error, error_bytes, "out of memory");
		goto destroy_manager;
	}
	crypto = memset(memory, 0, sizeof(*crypto));
	crypto->manager = manager;
	for (unsigned i = 0; i < BURST_PKTS; i++) {
		crypto->jobs[i].hash_start_src_offset_in_bytes = 0;
		crypto->jobs[i].iv_len_in_bytes = IV_BYTES;
	}
	err = iv_source_init(&crypto->ivs, manager);
	if (err != 0) {
		snprintf(error, error_bytes, "no random numbers: %s", strerror(-err));
		goto free_crypto;
	}
	hasher_init(&crypto->hasher, manager, manager_create_narrow(arch, manager));
	gcm_codes_init(&crypto->gcm_codes, manager, crypto->hasher.manager[HASHER_NARROW]);
	manager_describe(manager, crypto->hasher.manager[HASHER_NARROW], crypto->description,
		sizeof(crypto->description));
	return crypto;

free_crypto:
	free(crypto);
destroy_manager:
	manager_destroy(manager);
	return NULL;
}

void
crypto_destroy(struct crypto *crypto)
{
	if (crypto == NULL)
		return;
	hasher_fini(&crypto->hasher);
	manager_destroy(crypto->manager);
	explicit_bzero(crypto, sizeof(*crypto));
	free(crypto);
}

const char *
crypto_description(const struct crypto *crypto)
{
	return crypto->description;
}

uint64_t
crypto_ivs_drawn(const struct crypto *crypto)
{
	return crypto->ivs.drawn;
}

/* The suite's group, or -1 where the tables do not combine. */
static int
group_of(struct suite suite)
{
	const struct encryption *encryption = suite.encryption;
	unsigned size;

	if (encryption == NULL || encryption->aead != (suite.authentication == NULL))
		return -1;
	size = (encryption->key_bytes - IMB_KEY_128_BYTES) / 8;
	switch (encryption->cipher) {
	case CIPHER_AES_CBC:
		return (int)GROUP_CBC(size, suite.authentication->mac);
	case CIPHER_AES_GCM:
		return (int)GROUP_GCM(size);
	case CIPHER_CHACHA20_POLY1305:
		return GROUP_CHACHA20;
	}
	return -1;
}

size_t
crypto_key_size(struct suite suite)
{
	int group = group_of(suite);
	size_t bytes = sizeof(struct crypto_key);

	if (group >= 0)
		bytes += engine_groups[group].schedule_bytes;
	if (bytes < CRYPTO_KEY_LINES * CACHE_LINE_BYTES)
		bytes = CRYPTO_KEY_LINES * CACHE_LINE_BYTES;
	return (bytes + CACHE_LINE_BYTES - 1) & ~(size_t)(CACHE_LINE_BYTES - 1);
}

unsigned
crypto_esp_alignment(struct suite suite)
{
	int group = group_of(suite);

	return group >= 0 && engine_groups[group].shifts ? CRYPTO_SHIFT_MAX + 1 : 1;
}

int
crypto_key_init(struct crypto *crypto, struct crypto_key *key, enum crypto_direction direction,
	const struct crypto_material *material)
{
	struct suite suite = material->suite;
	int group = group_of(suite);

	if (group < 0)
		return -EINVAL;
	memset(key, 0, crypto_key_size(suite));
	key->suite = suite;
	key->group = (uint8_t)(group | (material->esn ? KEY_ESN : 0));
	key->iv_bytes = suite.encryption->iv_bytes;
	key->icv_bytes = suite_icv_bytes(suite);
	key->block_bytes = suite.encryption->block_bytes;
	if (suite.encryption->aead &&
		getrandom(key->schedule, AEAD_IV_XOR_BYTES, 0) != AEAD_IV_XOR_BYTES)
		return -errno;
	engine_groups[group].expand(
		crypto, key, direction, material->encryption_key, material->authentication_key);
	return 0;
}

void
crypto_key_wipe(struct crypto_key *key)
{
	explicit_bzero(key, crypto_key_size(key->suite));
}

void
crypto_seal(struct crypto *crypto, struct crypto_op ops[], unsigned n)
{
	if (n == 0)
		return;

	unsigned runs = order_by_group(&crypto->order, ops, n);

	crypto->prepared = NULL;
	for (unsigned r = 0; r < runs; r++) {
		const struct order_run *run = &crypto->order.runs[r];

		engine_group(run->group)->seal(crypto, ops, run);
	}
}

void
crypto_verify(struct crypto *crypto, struct crypto_op ops[], unsigned n)
{
	if (n == 0)
		return;

	unsigned runs = order_by_group(&crypto->order, ops, n);

	for (unsigned r = 0; r < runs; r++) {
		const struct order_run *run = &crypto->order.runs[r];

		engine_group(run->group)->verify(crypto, ops, run);
	}
	crypto->prepared = runs == 1 ? ops : NULL;
	crypto->n_prepared = n;
}

void
crypto_decrypt(struct crypto *crypto, struct crypto_op ops[], unsigned n)
{
	if (n == 0)
		return;

	/* Survivors only ever become fewer: as many as before are the same. */
	bool same = ops == crypto->prepared && n == crypto->n_prepared;
	unsigned runs = same ? 1 : order_by_group(&crypto->order, ops, n);

	if (!same)
		crypto->prepared = NULL;
	for (unsigned r = 0; r < runs; r++) {
		const struct order_run *run = &crypto->order.runs[r];

		if (engine_group(run->group)->decrypt != NULL)
			engine_group(run->group)->decrypt(crypto, ops, run);
	}
	crypto->prepared = NULL;
}
