/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * AES-GCM by either kind of code: the same packets, each code where it is faster, and one key for
 * both only where both can read it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aead.h"
#include "manager.h"

#define PACKET_BYTES 1600
#define N BURST_PKTS
#define STARTS 9

static const char *const names[GCM_KEY_SIZES] = { "aes128-gcm", "aes192-gcm", "aes256-gcm" };

/* One end of an SA: an engine, its key, packets. */
struct end {
	struct crypto *crypto;
	struct crypto_key *key;
	struct crypto_op ops[N];
	uint8_t packets[N][PACKET_BYTES];
};

static struct end both, plain; /* with two kinds of code; with one, as the library sets itself up */
static IMB_MGR *wide, *narrow;

static void
set_key(struct end *end, unsigned size, enum crypto_direction direction)
{
	static const uint8_t material[36] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	struct suite suite = { .encryption = suite_encryption_find(names[size]) };

	assert_int_equal(
		crypto_key_init(end->crypto, end->key, direction,
			&(struct crypto_material) { .suite = suite, .encryption_key = material }),
		0);
	memset(end->key->schedule, 0, AEAD_IV_XOR_BYTES); /* both ends draw the same IVs */
}

static void
set_from(struct end *end, uint16_t bytes)
{
	for (unsigned size = 0; size < GCM_KEY_SIZES; size++)
		for (enum crypto_direction d = CRYPTO_SEAL; d <= CRYPTO_OPEN; d++)
			end->crypto->gcm_codes.of[size][d].narrow_from = bytes;
}

static void
lay_out(struct end *end, unsigned i, unsigned bytes)
{
	memset(end->packets[i], (int)i, PACKET_BYTES);
	end->ops[i] = (struct crypto_op) {
		.key = end->key,
		.esp = end->packets[i],
		.bytes = (uint16_t)bytes,
	};
}

static int
set_up(void **state)
{
	char error[128];
	size_t bytes = crypto_key_size(
		(struct suite) { .encryption = suite_encryption_find(names[GCM_KEY_SIZES - 1]) });

	(void)state;
	wide = manager_create(NULL, error, sizeof(error));
	narrow = manager_create("sse", error, sizeof(error));
	assert_true(wide != NULL && narrow != NULL);
	both.crypto = crypto_create(NULL, error, sizeof(error));
	plain.crypto = crypto_create("sse", error, sizeof(error));
	assert_true(both.crypto != NULL && plain.crypto != NULL);
	both.key = aligned_alloc(CACHE_LINE_BYTES, bytes);
	plain.key = aligned_alloc(CACHE_LINE_BYTES, bytes);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	free(both.key);
	free(plain.key);
	crypto_destroy(both.crypto);
	crypto_destroy(plain.crypto);
	manager_destroy(wide);
	manager_destroy(narrow);
	return 0;
}

/* Seals a burst at both ends, and has each open what the other one sealed. */
static void
exchange(unsigned size)
{
	set_key(&both, size, CRYPTO_SEAL);
	set_key(&plain, size, CRYPTO_SEAL);
	crypto_seal(both.crypto, both.ops, N);
	crypto_seal(plain.crypto, plain.ops, N);
	assert_memory_equal(both.packets, plain.packets, sizeof(both.packets));
	set_key(&both, size, CRYPTO_OPEN);
	crypto_verify(both.crypto, both.ops, N);
	for (unsigned i = 0; i < N; i++) {
		assert_true(both.ops[i].ok);
		for (unsigned at = AEAD_PAYLOAD_AT; at < both.ops[i].bytes; at++)
			assert_int_equal(both.packets[i][at], i);
	}
}

static void
either_code_does_the_same(void **state)
{
	static const uint16_t from[] = { 0, 400, UINT16_MAX };

	(void)state;
	for (unsigned f = 0; f < ARRAY_LEN(from); f++) {
		set_from(&both, from[f]);
		for (unsigned size = 0; size < GCM_KEY_SIZES; size++) {
			unsigned even = AEAD_PAYLOAD_AT + 4 * ((unsigned)rand() % 370);

			for (unsigned mixed = 0; mixed <= 1; mixed++) {
				for (unsigned i = 0; i < N; i++) {
					unsigned any =
						AEAD_PAYLOAD_AT + 4 * ((unsigned)rand() % 370);

					lay_out(&both, i, mixed ? any : even);
					lay_out(&plain, i, both.ops[i].bytes);
				}
				exchange(size);
			}
		}
	}
}

/* Seals a burst with so many short packets, the rest long: its first packet, wherever that is. */
static void
seal_burst(unsigned n_short, uint16_t narrow_from, uint8_t sealed[PACKET_BYTES])
{
	both.crypto->gcm_codes.of[0][CRYPTO_SEAL].narrow_from = narrow_from;
	for (unsigned i = 0; i < N; i++)
		lay_out(&both, i, i < n_short ? 400 : 404);
	crypto_seal(both.crypto, both.ops, N);
	memcpy(sealed, both.packets[0], PACKET_BYTES);
}

static void
assert_given(unsigned n_short, bool to_narrow)
{
	uint8_t by_wide[PACKET_BYTES], by_narrow[PACKET_BYTES], sealed[PACKET_BYTES];

	seal_burst(n_short, UINT16_MAX, by_wide);
	seal_burst(n_short, 0, by_narrow);
	seal_burst(n_short, 404, sealed);
	assert_memory_not_equal(by_wide, by_narrow, PACKET_BYTES);
	assert_memory_equal(sealed, to_narrow ? by_narrow : by_wide, PACKET_BYTES);
}

/* What another key size's code does tells the two apart. */
static void
a_burst_goes_to_what_is_faster_for_most_of_it(void **state)
{
	struct gcm_code *code = &both.crypto->gcm_codes.of[0][CRYPTO_SEAL];

	(void)state;
	set_key(&both, 0, CRYPTO_SEAL);
	code->narrow = both.crypto->gcm_codes.of[2][CRYPTO_SEAL].wide;
	assert_given(0, true);
	assert_given(N, false);
	assert_given(N / 4, true);
	assert_given(N / 4 + 1, false);
}

/* AVX2's table of a key lacks what SSE's code reads, AVX-512's is another altogether. */
static void
no_key_is_shared_that_one_code_cannot_read(void **state)
{
	struct gcm_codes codes;

	(void)state;
	if (wide->used_arch == IMB_ARCH_SSE || wide->used_arch == IMB_ARCH_AVX)
		skip();
	gcm_codes_init(&codes, narrow, wide);
	assert_ptr_equal(codes.expander, narrow);
	for (unsigned size = 0; size < GCM_KEY_SIZES; size++)
		for (enum crypto_direction d = CRYPTO_SEAL; d <= CRYPTO_OPEN; d++) {
			assert_int_equal(codes.of[size][d].narrow_from, UINT16_MAX);
			assert_ptr_equal(codes.of[size][d].narrow, codes.of[size][d].wide);
		}

	gcm_codes_init(&codes, wide, NULL);
	assert_ptr_equal(codes.expander, wide);
}

/* The least and the greatest length that a start found for AES-128, of several: a machine that does
 * other things disturbs some. */
static void
find_from(IMB_MGR *one, IMB_MGR *other, unsigned *least, unsigned *greatest)
{
	struct gcm_codes codes;

	*least = UINT16_MAX;
	*greatest = 0;
	for (unsigned i = 0; i < STARTS; i++) {
		gcm_codes_init(&codes, one, other);
		unsigned from = codes.of[0][CRYPTO_SEAL].narrow_from;

		*least = from < *least ? from : *least;
		*greatest = from > *greatest ? from : *greatest;
	}
}

/* By turns one of two equal codes is slow: AES-256's has four rounds more to do. */
static void
what_is_slow_at_start_is_left(void **state)
{
	unsigned least, greatest;
	IMB_MGR *slow;
	char error[128];

	(void)state;
	slow = manager_create("sse", error, sizeof(error));
	assert_non_null(slow);
	slow->gcm128_enc = narrow->gcm256_enc;
	find_from(slow, narrow, &least, &greatest);
	assert_in_range(least, 1, 400);
	find_from(narrow, slow, &least, &greatest);
	assert_int_equal(greatest, UINT16_MAX);
	manager_destroy(slow);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(either_code_does_the_same, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_burst_goes_to_what_is_faster_for_most_of_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			no_key_is_shared_that_one_code_cannot_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_slow_at_start_is_left, set_up, tear_down),
	};

	srand(1); /* the same lengths in every run */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
