/* SPDX-License-Identifier: BSD-3-Clause */
#include "xfrm_bench.h"
#include "xfrm_internal.h"

/* Keys and algorithms of family XFRM: by which names, of which lengths, and who gets them back. */

#define MANUAL_SAS 4 /* of the small gateway */

/* The key of an algorithm attribute that came back. */
static const uint8_t *
key_of(struct netlink_attribute attribute, const char *name, unsigned key_bits)
{
	unsigned front = attribute.type == XFRMA_ALG_CRYPT || attribute.type == XFRMA_ALG_AUTH
		? sizeof(struct xfrm_algo)
		: sizeof(struct xfrm_algo_auth);
	uint32_t bits;

	assert_non_null(attribute.data);
	assert_string_equal((const char *)attribute.data, name);
	memcpy(&bits, attribute.data + 64, sizeof(bits));
	assert_int_equal(bits, key_bits);
	assert_int_equal(attribute.bytes, front + key_bits / 8);
	return attribute.data + front;
}

static void
what_was_said_comes_back(void **state)
{
	struct xfrm_encap_tmpl encap = { 2, htons(4500), htons(31337), { 0 } };
	struct xfrm_usersa_info info = sa_info(SA_OUT, 1, 0x77);
	struct netlink_attribute found;
	struct xfrm_encap_tmpl got;
	uint64_t now = (uint64_t)time(NULL);

	(void)state;
	info.lft.hard_byte_limit = 1 << 30;
	info.lft.soft_add_expires_seconds = 3000;
	begin(XFRM_MSG_NEWSA, NLM_F_ACK);
	put(&info, sizeof(info));
	put_scenario_suite();
	put_attribute(XFRMA_ENCAP, &encap, sizeof(encap));
	put_if_id(2);
	put_attribute(XFRMA_SET_MARK, "\1\0\0\0", 4);
	assert_int_equal(send_off(), 0);
	assert_int_equal(find_sa(SA_OUT, 1, 0x77)->record->encap_dport, 31337);

	/* 100 packets later. */
	atomic_store(&find_sa(SA_OUT, 1, 0x77)->sequence, 100);
	atomic_store(&find_sa(SA_OUT, 1, 0x77)->bytes_out, 6400);
	assert_int_equal(ask_sa(XFRM_MSG_GETSA, SA_OUT, 1, 0x77), 0);
	assert_int_equal(answer.message.flags & NLM_F_MULTI, 0);
	found = read_answer(&info, sizeof(info), XFRMA_ALG_CRYPT);
	assert_int_equal(info.curlft.packets, 100);
	assert_int_equal(info.curlft.bytes, 6400);
	assert_in_range(info.curlft.add_time, now, now + 60);
	assert_in_range(info.curlft.use_time, now, now + 60);
	assert_int_equal(info.lft.hard_byte_limit, 1 << 30);
	assert_int_equal(info.lft.hard_packet_limit, XFRM_INF);
	assert_int_equal(info.lft.soft_add_expires_seconds, 3000);
	assert_memory_equal(key_of(found, "cbc(aes)", 128), cipher_key, 16);
	found = read_answer(&info, sizeof(info), XFRMA_ALG_AUTH);
	assert_memory_equal(key_of(found, "hmac(sha1)", 160), mac_key, 20);
	found = read_answer(&info, sizeof(info), XFRMA_ALG_AUTH_TRUNC);
	assert_memory_equal(key_of(found, "hmac(sha1)", 160), mac_key, 20);
	found = read_answer(&info, sizeof(info), XFRMA_ENCAP);
	memcpy(&got, found.data, sizeof(got));
	assert_memory_equal(&got, &encap, sizeof(got));
	found = read_answer(&info, sizeof(info), XFRMA_IF_ID);
	assert_int_equal(netlink_u32(&found), 2);
	struct xfrm_replay_state replay;
	found = read_answer(&info, sizeof(info), XFRMA_REPLAY_VAL);
	memcpy(&replay, found.data, sizeof(replay));
	assert_int_equal(replay.oseq, 100);
}

static void
keys_stay_on_the_socket_that_sets_them(void **state)
{
	struct session reader = { .context = &context,
		.outbox = &outbox,
		.access = SESSION_READ_ONLY,
		.family = &xfrm_family };
	static const uint8_t zeroes[20];

	(void)state;
	add_sa(SA_OUT, 2, 0x88);
	/* The event of it. */
	struct xfrm_usersa_info info;
	assert_int_equal(hear(), XFRM_MSG_NEWSA);
	struct netlink_attribute found = read_answer(&info, sizeof(info), XFRMA_ALG_CRYPT);
	assert_memory_equal(key_of(found, "cbc(aes)", 128), zeroes, 16);

	assert_int_equal(list_on(&reader), MANUAL_SAS + 1);
	assert_true(answer.longest <= 4096);
	assert_null(memmem(answer.bytes, answer.used, cipher_key, 8));
	assert_null(memmem(answer.bytes, answer.used, mac_key, 8));
	assert_int_equal(list_on(&session), MANUAL_SAS + 1);
	assert_non_null(memmem(answer.bytes, answer.used, cipher_key, 8));
	begin_sa(XFRM_MSG_NEWSA, SA_OUT, 2, 0x89);
	end();
	assert_int_equal(send_on(&reader, draft.writer.buffer, draft.writer.used), EPERM);
}

/* Wherever a datagram of a listing ends: the row that did not fit was half written by then. */
static void
listings_leave_no_keys_behind(void **state)
{
	struct family narrow = xfrm_family;

	(void)state;
	add_sa(SA_OUT, 2, 0x88);
	add_sa(SA_OUT, 2, 0x89);
	session.family = &narrow;
	for (narrow.answer_bytes = 1024; narrow.answer_bytes < 2048; narrow.answer_bytes += 20) {
		assert_int_equal(list_on(&session), MANUAL_SAS + 2);
		assert_non_null(memmem(answer.bytes, answer.used, cipher_key, 8));
		assert_null(memmem(context.scratch, sizeof(context.scratch), cipher_key, 8));
		assert_null(memmem(context.scratch, sizeof(context.scratch), mac_key, 8));
	}
}

/* Algorithms as a NEWSA says them, and what comes of it. */
static const struct said {
	const char *aead, *cipher;
	unsigned cipher_bits, icv_bits;
	const char *mac;
	unsigned mac_bits;
	int truncation; /* -1: XFRMA_ALG_AUTH */
	int error;
	const char *result;
} cases[] = {
	{ NULL, "aes", 128, 0, "sha1", 160, -1, 0, "aes128-cbc hmac-sha1-96" },
	{ NULL, "cbc(aes)", 192, 0, "hmac(sha1)", 160, -1, 0, "aes192-cbc hmac-sha1-96" },
	{ NULL, "cbc(aes)", 256, 0, "hmac(sha1)", 160, 96, 0, "aes256-cbc hmac-sha1-96" },
	{ NULL, "aes", 256, 0, "hmac(sha256)", 256, 128, 0, "aes256-cbc hmac-sha256-128" },
	{ NULL, "aes", 128, 0, "sha384", 384, -1, 0, "aes128-cbc hmac-sha384-192" },
	{ NULL, "aes", 128, 0, "hmac(sha512)", 512, -1, 0, "aes128-cbc hmac-sha512-256" },
	{ NULL, "aes", 128, 0, "hmac(sha512)", 512, 0, 0, "aes128-cbc hmac-sha512-256" },
	/* The kernel's default for SHA-256 is not RFC 4868's. */
	{ NULL, "aes", 128, 0, "hmac(sha256)", 256, -1, EINVAL, "to 96 bits" },
	{ NULL, "aes", 128, 0, "hmac(sha1)", 160, 160, EINVAL, "to 160 bits" },
	{ NULL, "aes", 128, 0, "hmac(sha1)", 128, -1, EINVAL, "160 bits, this one has 128" },
	{ NULL, "aes", 120, 0, "hmac(sha1)", 160, -1, EINVAL, "no key of 120 bits" },
	{ NULL, "aes", 127, 0, "hmac(sha1)", 160, -1, EINVAL, "127 bits" },
	{ NULL, "cbc(des3_ede)", 192, 0, "sha1", 160, -1, ENOSYS, "no encryption" },
	{ NULL, "aes", 128, 0, "md5", 128, -1, ENOSYS, "no authentication 'md5'" },
	{ NULL, "aes", 128, 0, NULL, 0, -1, EOPNOTSUPP, "encryption alone" },
	{ NULL, NULL, 0, 0, "sha1", 160, -1, EOPNOTSUPP, "authentication alone" },
	{ NULL, NULL, 0, 0, NULL, 0, -1, EINVAL, "no algorithm" },
	{ "rfc4106(gcm(aes))", NULL, 160, 128, NULL, 0, -1, 0, "aes128-gcm -" },
	{ "rfc4106(gcm(aes))", NULL, 224, 128, NULL, 0, -1, 0, "aes192-gcm -" },
	{ "rfc4106(gcm(aes))", NULL, 288, 128, NULL, 0, -1, 0, "aes256-gcm -" },
	{ "rfc7539esp(chacha20,poly1305)", NULL, 288, 128, NULL, 0, -1, 0, "chacha20-poly1305 -" },
	{ "rfc4106(gcm(aes))", NULL, 128, 128, NULL, 0, -1, EINVAL, "salt" },
	{ "rfc4106(gcm(aes))", NULL, 160, 64, NULL, 0, -1, EINVAL, "ICV of 128 bits" },
	{ "rfc4309(ccm(aes))", NULL, 152, 128, NULL, 0, -1, ENOSYS, "no AEAD" },
	{ "cbc(aes)", NULL, 128, 128, NULL, 0, -1, ENOSYS, "no AEAD" },
	{ "rfc4106(gcm(aes))", NULL, 160, 128, "sha1", 160, -1, EINVAL, "no other" },
};

static void
say(const struct said *said, uint32_t spi)
{
	struct xfrm_usersa_info info = sa_info(SA_IN, 0, spi);

	begin(XFRM_MSG_NEWSA, NLM_F_ACK);
	put(&info, sizeof(info));
	if (said->aead != NULL)
		put_algorithm(
			XFRMA_ALG_AEAD, said->aead, cipher_key, said->cipher_bits, said->icv_bits);
	if (said->cipher != NULL)
		put_algorithm(XFRMA_ALG_CRYPT, said->cipher, cipher_key, said->cipher_bits, 0);
	if (said->mac != NULL)
		put_algorithm(said->truncation < 0 ? XFRMA_ALG_AUTH : XFRMA_ALG_AUTH_TRUNC,
			said->mac, mac_key, said->mac_bits, (unsigned)said->truncation);
	put_if_id(1);
}

static void
names_and_lengths_make_the_suite(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		char suite[64];

		say(&cases[i], 0x100 + i);
		if (cases[i].error != 0) {
			assert_refused(cases[i].error, cases[i].result);
			assert_null(look_up(0x100 + i));
			continue;
		}
		assert_int_equal(send_off(), 0);
		struct suite made = look_up(0x100 + i)->key->suite;
		snprintf(suite, sizeof(suite), "%s %s", made.encryption->name,
			made.authentication != NULL ? made.authentication->name : "-");
		assert_string_equal(suite, cases[i].result);
		/* What comes back would be taken again. */
		assert_int_equal(ask_sa(XFRM_MSG_GETSA, SA_IN, 0, 0x100 + i), 0);
		struct netlink_span again = answer.message.body;
		begin(XFRM_MSG_UPDSA, NLM_F_ACK);
		put(again.at, again.bytes);
		assert_int_equal(send_off(), 0);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_said_comes_back),
		TEST(keys_stay_on_the_socket_that_sets_them),
		TEST(listings_leave_no_keys_behind),
		TEST(names_and_lengths_make_the_suite),
	};

	return cmocka_run_group_tests(tests, bench_start, bench_stop);
}
