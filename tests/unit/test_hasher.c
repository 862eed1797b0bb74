/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * HMACs by either kind of code, and by both in one burst, against OpenSSL.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "engine.h"
#include "manager.h"

#define MESSAGE_BYTES_MAX 1536
#define KEY_BYTES 20
#define STATE_BYTES_MAX 64

static const char *const digests[MAC_COUNT] = { "SHA1", "SHA256", "SHA384", "SHA512" };
static const unsigned tag_bytes[MAC_COUNT] = { 12, 16, 24, 32 };

static IMB_MGR *wide;
static struct hasher hasher;
static IMB_JOB jobs[BURST_PKTS];
static uint8_t messages[BURST_PKTS][MESSAGE_BYTES_MAX];
static uint8_t tags[BURST_PKTS][ICV_BYTES_MAX];
static uint8_t key[KEY_BYTES], inner[STATE_BYTES_MAX], outer[STATE_BYTES_MAX];

static int
set_up(void **state)
{
	char error[128];

	(void)state;
	wide = manager_create(NULL, error, sizeof(error));
	assert_non_null(wide);
	/* Any CPU has it; whether it has SHA instructions too changes nothing here. */
	hasher_init(&hasher, wide, manager_create("sse", error, sizeof(error)));
	assert_non_null(hasher.manager[HASHER_NARROW]);
	for (unsigned i = 0; i < KEY_BYTES; i++)
		key[i] = (uint8_t)rand();
	for (unsigned i = 0; i < BURST_PKTS; i++)
		for (unsigned at = 0; at < MESSAGE_BYTES_MAX; at++)
			messages[i][at] = (uint8_t)(rand() >> 7);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	hasher_fini(&hasher);
	manager_destroy(wide);
	return 0;
}

static void
absorb(enum mac mac, uint8_t pad, uint8_t *into)
{
	uint8_t block[128];

	memset(block, pad, sizeof(block));
	for (unsigned i = 0; i < KEY_BYTES; i++)
		block[i] ^= key[i];
	switch (mac) {
	case MAC_HMAC_SHA1:
		IMB_SHA1_ONE_BLOCK(wide, block, into);
		break;
	case MAC_HMAC_SHA256:
		IMB_SHA256_ONE_BLOCK(wide, block, into);
		break;
	case MAC_HMAC_SHA384:
		IMB_SHA384_ONE_BLOCK(wide, block, into);
		break;
	default:
		IMB_SHA512_ONE_BLOCK(wide, block, into);
		break;
	}
}

static int
longer_first(const void *a, const void *b)
{
	const IMB_JOB *x = a, *y = b;

	return (int)y->msg_len_to_hash_in_bytes - (int)x->msg_len_to_hash_in_bytes;
}

static void
make_jobs(unsigned n, enum mac mac)
{
	absorb(mac, 0x36, inner);
	absorb(mac, 0x5c, outer);
	for (unsigned i = 0; i < n; i++)
		jobs[i] = (IMB_JOB) {
			.src = messages[i],
			.msg_len_to_hash_in_bytes =
				40 + (unsigned)rand() % (MESSAGE_BYTES_MAX - 40),
			.auth_tag_output = tags[i],
			.auth_tag_output_len_in_bytes = tag_bytes[mac],
			.u.HMAC._hashed_auth_key_xor_ipad = inner,
			.u.HMAC._hashed_auth_key_xor_opad = outer,
		};
	qsort(jobs, n, sizeof(jobs[0]), longer_first);
}

static void
assert_tags(unsigned n, enum mac mac)
{
	uint8_t expected[64];
	size_t bytes;

	for (unsigned i = 0; i < n; i++) {
		assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, digests[mac], NULL, key, KEY_BYTES,
			jobs[i].src, jobs[i].msg_len_to_hash_in_bytes, expected, sizeof(expected),
			&bytes));
		assert_memory_equal(jobs[i].auth_tag_output, expected, tag_bytes[mac]);
	}
}

/* No trial comes between. */
static void
set_choice(enum mac mac, struct hasher_choice choice)
{
	choice.until_trial = UINT16_MAX;
	hasher.choice[mac] = choice;
}

/* Wherever a burst is cut between the two kinds of code, no message is forgotten or done wrongly.
 */
static void
any_cut_agrees_with_openssl(void **state)
{
	static const struct hasher_choice choices[] = { { .few = 0 }, { .bytes = UINT16_MAX },
		{ .few = BURST_PKTS }, { .bytes = 700 }, { .bytes = 700, .few = 20 },
		{ .bytes = 200, .few = 5 }, { .bytes = 1400, .few = 1 } };

	(void)state;
	for (enum mac mac = 0; mac < MAC_COUNT; mac++) {
		for (unsigned c = 0; c < ARRAY_LEN(choices); c++) {
			set_choice(mac, choices[c]);
			for (unsigned n = 0; n <= BURST_PKTS; n += n < 20 ? 1 : 27) {
				make_jobs(n, mac);
				memset(tags, 0, sizeof(tags));
				hasher_burst(&hasher, jobs, n, mac);
				assert_tags(n, mac);
			}
		}
	}
}

/* Counts what a manager is given, and passes it on. */
static unsigned given[2];
static submit_hash_burst_t passed_on[2];

static uint32_t
count_wide(IMB_MGR *manager, IMB_JOB *some, const uint32_t n, const IMB_HASH_ALG hash)
{
	given[0] += n;
	return passed_on[0](manager, some, n, hash);
}

static uint32_t
count_narrow(IMB_MGR *manager, IMB_JOB *some, const uint32_t n, const IMB_HASH_ALG hash)
{
	given[1] += n;
	return passed_on[1](manager, some, n, hash);
}

static void
assert_given(unsigned n, unsigned to_wide, unsigned to_narrow)
{
	given[0] = given[1] = 0;
	hasher_burst(&hasher, jobs, n, MAC_HMAC_SHA1);
	assert_int_equal(given[0], to_wide);
	assert_int_equal(given[1], to_narrow);
}

/* Short messages are for the narrow code, few long ones too, many long ones for the wide. */
static void
each_code_gets_what_it_is_faster_at(void **state)
{
	(void)state;
	passed_on[0] = hasher.manager[HASHER_WIDE]->submit_hash_burst_nocheck;
	passed_on[1] = hasher.manager[HASHER_NARROW]->submit_hash_burst_nocheck;
	hasher.manager[HASHER_WIDE]->submit_hash_burst_nocheck = count_wide;
	hasher.manager[HASHER_NARROW]->submit_hash_burst_nocheck = count_narrow;
	set_choice(MAC_HMAC_SHA1, (struct hasher_choice) { .bytes = 400, .few = 4 });
	make_jobs(64, MAC_HMAC_SHA1);
	for (unsigned i = 0; i < 64; i++)
		jobs[i].msg_len_to_hash_in_bytes = i < 10 ? 1400 : i < 20 ? 401 : 400;
	assert_given(64, 20, 44);
	assert_given(20, 20, 0);
	assert_given(5, 5, 0);
	assert_given(4, 0, 4);
	for (unsigned i = 4; i < 20; i++)
		jobs[i].msg_len_to_hash_in_bytes = 88;
	assert_given(20, 0, 20);

	struct hasher alone = { .manager = { hasher.manager[HASHER_WIDE] } };
	given[0] = given[1] = 0;
	hasher_burst(&alone, jobs, 20, MAC_HMAC_SHA1);
	assert_int_equal(given[0], 20);
	assert_int_equal(given[1], 0);
}

static uint64_t usual_cycles; /* that a burst takes */

/* Burns cycles, so that this kind is slow at everything. */
static uint32_t
slow(IMB_MGR *manager, IMB_JOB *some, const uint32_t n, const IMB_HASH_ALG hash)
{
	enum hasher_kind kind = manager == wide ? HASHER_WIDE : HASHER_NARROW;
	uint64_t until = __rdtsc() + 2 * usual_cycles;

	while (__rdtsc() < until)
		;
	return passed_on[kind](manager, some, n, hash);
}

static void
hash_bursts(unsigned bursts)
{
	for (unsigned burst = 0; burst < bursts; burst++) {
		hasher_burst(&hasher, jobs, 64, MAC_HMAC_SHA1);
		if (burst % 128 == 127)
			assert_tags(64, MAC_HMAC_SHA1);
	}
}

/* When one kind becomes slow, the other does its work before long: `longest` messages of each
 * burst's 64 have 1448 bytes, so many behind them 616, the rest 88. */
static void
leave_what_is_slow(unsigned longest, unsigned middling)
{
	const struct hasher_choice *choice = &hasher.choice[MAC_HMAC_SHA1];
	unsigned most = longest > 0 ? 1448 : middling > 0 ? 616 : 88;

	make_jobs(64, MAC_HMAC_SHA1);
	for (unsigned i = 0; i < 64; i++)
		jobs[i].msg_len_to_hash_in_bytes = i < longest ? 1448
			: i < longest + middling               ? 616
							       : 88;
	usual_cycles = 0;
	for (enum hasher_kind kind = 0; kind < HASHER_KINDS; kind++) {
		uint64_t start = __rdtsc();

		passed_on[kind] = hasher.manager[kind]->submit_hash_burst_nocheck;
		passed_on[kind](hasher.manager[kind], jobs, 64, IMB_AUTH_HMAC_SHA_1);
		start = __rdtsc() - start;
		usual_cycles = start > usual_cycles ? start : usual_cycles;
	}
	for (unsigned round = 0; round < 2 * HASHER_KINDS; round++) {
		enum hasher_kind kind = round % HASHER_KINDS;

		hasher.manager[kind]->submit_hash_burst_nocheck = slow;
		hasher.manager[!kind]->submit_hash_burst_nocheck = passed_on[!kind];
		hash_bursts(16384); /* some sixty trials of each kind */
		assert_int_equal(choice->bytes >= most, kind == HASHER_WIDE);
	}
	hasher.manager[HASHER_NARROW]->submit_hash_burst_nocheck = passed_on[HASHER_NARROW];
}

/* Whatever the start found, of lengths that the traffic has and of others. */
static void
what_becomes_slow_is_left(void **state)
{
	(void)state;
	leave_what_is_slow(0, 0);
	leave_what_is_slow(0, 64);
	leave_what_is_slow(64, 0);
	leave_what_is_slow(6, 22);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(any_cut_agrees_with_openssl, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			each_code_gets_what_it_is_faster_at, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_becomes_slow_is_left, set_up, tear_down),
	};

	srand(1); /* the same messages in every run */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
