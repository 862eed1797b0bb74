/* SPDX-License-Identifier: BSD-3-Clause */
/* The IVs that lib/crypto puts into packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto_sas.h"

#define IVS 65536

static int
compare_ivs(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

/* A dataplane that stores one byte of sixteen, or draws once per burst, is caught here. */
static void
ivs_are_distinct(void **state)
{
	uint8_t(*ivs)[16] = malloc(IVS * sizeof(*ivs));
	uint64_t before = crypto_ivs_drawn(crypto);
	unsigned drawn = 0;
	unsigned set_bits = 0;

	(void)state;
	assert_non_null(ivs);
	while (drawn < IVS) {
		unsigned n = 1 + (unsigned)rand() % BURST_PKTS;

		if (n > IVS - drawn)
			n = IVS - drawn;
		for (unsigned i = 0; i < n; i++)
			make_packet(&packets[i], &sas[0], 1);
		for (unsigned i = 0; i < n; i++)
			memset(packets[i].buffer + ESP_HEADER_BYTES, 0, 16);
		make_ops(n, CRYPTO_SEAL);
		crypto_seal(crypto, ops, n);
		for (unsigned i = 0; i < n; i++)
			memcpy(ivs[drawn++], packets[i].buffer + ESP_HEADER_BYTES, 16);
	}
	assert_int_equal(crypto_ivs_drawn(crypto) - before, IVS);
	qsort(ivs, IVS, sizeof(*ivs), compare_ivs);
	for (unsigned i = 1; i < IVS; i++)
		assert_memory_not_equal(ivs[i - 1], ivs[i], 16);

	/* Nor are they a counter: half of all bits are set, give or take 6 sigma. */
	for (unsigned i = 0; i < IVS; i++)
		for (unsigned j = 0; j < 16; j++)
			set_bits += (unsigned)__builtin_popcount(ivs[i][j]);
	assert_in_range(set_bits, IVS * 64 - 6 * 1449, IVS * 64 + 6 * 1449);
	free(ivs);
}

/* Two workers of one SA must not draw the same IVs. */
static void
workers_have_their_own_ivs(void **state)
{
	char error[256];
	struct crypto *other = crypto_create(NULL, error, sizeof(error));

	(void)state;
	assert_non_null(other);
	for (unsigned i = 0; i < 2; i++)
		make_packet(&packets[i], &sas[0], 1);
	make_ops(2, CRYPTO_SEAL);
	crypto_seal(crypto, &ops[0], 1);
	crypto_seal(other, &ops[1], 1);
	assert_memory_not_equal(
		packets[0].buffer + ESP_HEADER_BYTES, packets[1].buffer + ESP_HEADER_BYTES, 16);
	crypto_destroy(other);
}

/* The AEADs' IV is the 64-bit sequence number, masked per installation. */
static void
aead_ivs_follow_the_sequence_number(void **state)
{
	(void)state;
	for (unsigned s = 0; s < sas_n; s++) {
		const struct sa *sa = &sas[s];
		uint64_t ivs[2], mask;

		if (!sa->suite.encryption->aead)
			continue;
		for (unsigned i = 0; i < 2; i++) {
			make_packet(&packets[i], sa, 1);
			memcpy(packets[i].buffer + 4, (uint8_t[4]) { 0, 0, 1, (uint8_t)i }, 4);
			memcpy(&packets[i].esn_high_be, (uint8_t[4]) { 0, 0, 0, (uint8_t)i }, 4);
		}
		make_ops(2, CRYPTO_SEAL);
		crypto_seal(crypto, ops, 2);
		for (unsigned i = 0; i < 2; i++)
			memcpy(&ivs[i], packets[i].buffer + ESP_HEADER_BYTES, 8);
		assert_int_equal(ivs[0] ^ ivs[1],
			sa->esn ? UINT64_C(0x0100000001000000) : UINT64_C(0x0100000000000000));
		assert_true(ivs[0] != 0);
		assert_memory_not_equal(sa->seal->schedule, sa->open->schedule, sizeof(mask));
		memcpy(&mask, sa->seal->schedule, sizeof(mask));
		ivs[1] ^= mask;
		assert_memory_equal(&ivs[1], sa->esn ? "\0\0\0\1\0\0\1\1" : "\0\0\0\0\0\0\1\1", 8);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ivs_are_distinct, set_up, tear_down),
		cmocka_unit_test_setup_teardown(workers_have_their_own_ivs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			aead_ivs_follow_the_sequence_number, set_up, tear_down),
	};

	srand(1); /* the same packets in every run */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
