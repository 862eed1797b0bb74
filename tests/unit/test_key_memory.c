/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compiler.h"
#include "key_memory.h"
#include "siphash.h"

/* How far keys were used: remembered for a minute, by a digest. */

/* Appendix A of the SipHash paper: secret 00 01 .. 0f, data 00 01 .. 0e. */
static void
the_digest_is_siphash(void **state)
{
	static const uint64_t answers[] = { UINT64_C(0x726fdb47dd0e0e31),
		UINT64_C(0x74f839c593dc67fd), UINT64_C(0x0d6c8009d9a94f5a) };
	uint8_t bytes[16];

	(void)state;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(siphash(bytes, bytes, 15), UINT64_C(0xa129ca6149be45e5));
	/* The first lines of its reference vectors. */
	for (unsigned n = 0; n < ARRAY_LEN(answers); n++)
		assert_int_equal(siphash(bytes, bytes, n), answers[n]);
}

static void
a_key_is_remembered_for_a_minute(void **state)
{
	struct key_memory *memory = key_memory_create();
	static const uint8_t key[16] = { 1 }, other[16] = { 2 };
	struct key_use *use, *again;

	(void)state;
	assert_non_null(memory);
	use = key_memory_take(memory, key, sizeof(key), NULL, 0);
	assert_int_equal(key_memory_sequence(use), 0);
	key_memory_leave(use);
	assert_true(key_memory_uncertain(use));
	key_memory_gone(memory, use, 1000, 5);
	assert_false(key_memory_uncertain(use));

	key_memory_forget(memory, 5 + KEY_MEMORY_NS - 1);
	again = key_memory_take(memory, key, sizeof(key), NULL, 0);
	assert_ptr_equal(again, use);
	assert_int_equal(key_memory_sequence(again), 1000);
	/* Not while somebody has it. */
	key_memory_forget(memory, UINT64_MAX);
	assert_int_equal(key_memory_sequence(again), 1000);
	assert_ptr_not_equal(key_memory_take(memory, other, sizeof(other), NULL, 0), again);
	/* The authentication key is part of what makes it. */
	assert_ptr_not_equal(
		key_memory_take(memory, key, sizeof(key), other, sizeof(other)), again);
	key_memory_give_back(memory, again, 10);
	key_memory_forget(memory, 10 + KEY_MEMORY_NS);
	again = key_memory_take(memory, key, sizeof(key), NULL, 0);
	assert_int_equal(key_memory_sequence(again), 0);
	key_memory_destroy(memory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_digest_is_siphash),
		cmocka_unit_test(a_key_is_remembered_for_a_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
