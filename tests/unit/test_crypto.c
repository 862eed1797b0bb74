/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lib/crypto against a stranger: what it seals and accepts is what OpenSSL seals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "crypto_sas.h"

/* OpenSSL's names for a suite. */
static const char *
stranger_cipher(const struct encryption *e)
{
	static char name[32];

	if (e->cipher == CIPHER_CHACHA20_POLY1305)
		return "ChaCha20-Poly1305";
	snprintf(name, sizeof(name), "AES-%u-%s", 8U * e->key_bytes,
		e->cipher == CIPHER_AES_CBC ? "CBC" : "GCM");
	return name;
}

static const char *
stranger_digest(const struct authentication *a)
{
	static const char *const names[] = {
		[MAC_HMAC_SHA1] = "SHA1",
		[MAC_HMAC_SHA256] = "SHA256",
		[MAC_HMAC_SHA384] = "SHA384",
		[MAC_HMAC_SHA512] = "SHA512",
	};

	return names[a->mac];
}

/* RFC 4106 section 5: SPI, then the sequence number, extended or not. */
static unsigned
stranger_aad(const struct packet *packet, const uint8_t *esp, uint8_t *aad)
{
	if (!packet->sa->esn) {
		memcpy(aad, esp, 8);
		return 8;
	}
	memcpy(aad, esp, 4);
	memcpy(aad + 4, &packet->esn_high_be, 4);
	memcpy(aad + 8, esp + 4, 4);
	return 12;
}

/* Seals packet->plain into `esp` with OpenSSL, under the IV that stands in `esp` already. */
static void
stranger_seal(const struct packet *packet, uint8_t *esp)
{
	const struct sa *sa = packet->sa;
	const struct encryption *e = sa->suite.encryption;
	unsigned payload_at = ESP_HEADER_BYTES + e->iv_bytes;
	unsigned payload_bytes = packet->bytes - payload_at;
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, stranger_cipher(e), NULL);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	uint8_t nonce[16], aad[12], mac[64], trailer[PACKET_BYTES];
	size_t mac_bytes;
	int n;

	memcpy(esp, packet->plain, ESP_HEADER_BYTES);
	if (e->aead) {
		memcpy(nonce, sa->encryption_key + e->key_bytes, 4);
		memcpy(nonce + 4, esp + ESP_HEADER_BYTES, 8);
	} else {
		memcpy(nonce, esp + ESP_HEADER_BYTES, 16);
	}
	assert_true(EVP_EncryptInit_ex2(context, cipher, sa->encryption_key, nonce, NULL));
	EVP_CIPHER_CTX_set_padding(context, 0);
	if (e->aead)
		assert_true(EVP_EncryptUpdate(
			context, NULL, &n, aad, (int)stranger_aad(packet, esp, aad)));
	assert_true(EVP_EncryptUpdate(
		context, esp + payload_at, &n, packet->plain + payload_at, (int)payload_bytes));
	assert_true(EVP_EncryptFinal_ex(context, trailer, &n));
	if (e->aead) {
		assert_true(EVP_CIPHER_CTX_ctrl(
			context, EVP_CTRL_AEAD_GET_TAG, 16, esp + packet->bytes));
	} else {
		memcpy(trailer, esp, packet->bytes);
		memcpy(trailer + packet->bytes, &packet->esn_high_be, 4);
		assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL,
			stranger_digest(sa->suite.authentication), NULL, sa->authentication_key,
			sa->suite.authentication->key_bytes, trailer,
			packet->bytes + (sa->esn ? 4 : 0), mac, sizeof(mac), &mac_bytes));
		memcpy(esp + packet->bytes, mac, sa->suite.authentication->icv_bytes);
	}
	EVP_CIPHER_CTX_free(context);
	EVP_CIPHER_free(cipher);
}

/* Nothing is written behind the ICV, but for the end of what was not yet in its place. */
static void
assert_guard(const struct packet *packet, unsigned shift)
{
	unsigned icv_bytes = suite_icv_bytes(packet->sa->suite);
	unsigned end = packet->bytes + (shift > icv_bytes ? shift : icv_bytes);

	for (unsigned i = end; i < PACKET_BYTES; i++)
		assert_int_equal(packet->buffer[i], GUARD);
}

/* Moves the payload of a packet to be sealed behind its place. */
static void
displace(struct packet *packet, struct crypto_op *op)
{
	unsigned payload_at = ESP_HEADER_BYTES + packet->sa->suite.encryption->iv_bytes;

	op->shift = (uint8_t)((unsigned)rand() % crypto_esp_alignment(packet->sa->suite));
	memcpy(packet->buffer + payload_at + op->shift, packet->plain + payload_at,
		packet->bytes - payload_at);
}

/* Seals packets[0..n) here and compares with the stranger, then opens them again. */
static void
seal_compare_open(unsigned n)
{
	static uint8_t expected[PACKET_BYTES];

	make_ops(n, CRYPTO_SEAL);
	for (unsigned i = 0; i < n; i++)
		displace(&packets[i], &ops[i]);
	crypto_seal(crypto, ops, n);
	for (unsigned i = 0; i < n; i++) {
		memcpy(expected, packets[i].buffer, PACKET_BYTES);
		stranger_seal(&packets[i], expected);
		assert_memory_equal(packets[i].buffer, expected, PACKET_BYTES);
		assert_guard(&packets[i], ops[i].shift);
	}
	make_ops(n, CRYPTO_OPEN);
	crypto_verify(crypto, ops, n);
	for (unsigned i = 0; i < n; i++)
		assert_true(ops[i].ok);
	crypto_decrypt(crypto, ops, n);
	for (unsigned i = 0; i < n; i++) {
		unsigned payload_at = ESP_HEADER_BYTES + packets[i].sa->suite.encryption->iv_bytes;

		assert_memory_equal(packets[i].buffer, packets[i].plain, ESP_HEADER_BYTES);
		assert_memory_equal(packets[i].buffer + payload_at, packets[i].plain + payload_at,
			packets[i].bytes - payload_at);
		assert_guard(&packets[i], CRYPTO_SHIFT_MAX);
	}
}

/* Bursts of every size, suites, SAs and lengths all mixed, on every architecture and as chosen for
 * this CPU. */
static void
mixed_bursts_agree_with_openssl(void **state)
{
	static const char *const arches[] = { "auto", "avx512", "avx2", "avx", "sse" };
	unsigned tried = 0;

	(void)state;
	for (unsigned a = 0; a < ARRAY_LEN(arches); a++) {
		if (!start(arches[a]))
			continue;
		tried++;
		for (unsigned n = 1; n <= BURST_PKTS; n += tried) {
			for (unsigned i = 0; i < n; i++) {
				const struct sa *sa = &sas[(unsigned)rand() % sas_n];

				make_packet(&packets[i], sa, random_blocks(sa));
			}
			seal_compare_open(n);
		}
		stop();
	}
	assert_true(tried > 0);
}

/* Bursts of one suite: of one length (the fast path) and of many; ESN or not per packet. */
static void
bursts_of_one_suite_agree_with_openssl(void **state)
{
	(void)state;
	for (unsigned s = 0; s < sas_n; s += 2) {
		unsigned blocks = random_blocks(&sas[s]);

		for (unsigned i = 0; i < BURST_PKTS; i++)
			make_packet(&packets[i], &sas[s + (unsigned)rand() % 2], blocks);
		seal_compare_open(BURST_PKTS);
		for (unsigned i = 0; i < BURST_PKTS; i++)
			make_packet(&packets[i], &sas[s + (unsigned)rand() % 2],
				random_blocks(&sas[s]));
		seal_compare_open(BURST_PKTS);
	}
}

/* RFC 4303 3.4.4: header, IV, payload, high half of the sequence number, ICV: every bit counts. */
static void
any_flipped_bit_is_found(void **state)
{
	static struct packet genuine;

	(void)state;
	for (unsigned s = 0; s < sas_n; s++) {
		const struct sa *sa = &sas[s];
		unsigned bits;

		make_packet(&genuine, sa, 3);
		stranger_seal(&genuine, genuine.buffer);
		bits = 8 * (genuine.bytes + suite_icv_bytes(sa->suite));
		bits += sa->esn ? 32 : 0;
		for (unsigned bit = 0; bit < bits; bit += BURST_PKTS - 1) {
			unsigned n = bits - bit < BURST_PKTS - 1 ? bits - bit : BURST_PKTS - 1;

			/* one packet is left as it is */
			for (unsigned i = 0; i <= n; i++)
				packets[i] = genuine;
			for (unsigned i = 0; i < n; i++) {
				unsigned byte = (bit + i) / 8;
				unsigned end = genuine.bytes + suite_icv_bytes(sa->suite);
				uint8_t *high = (uint8_t *)&packets[i].esn_high_be;
				uint8_t *at =
					byte < end ? &packets[i].buffer[byte] : &high[byte - end];

				*at ^= (uint8_t)(1U << (bit + i) % 8);
			}
			make_ops(n + 1, CRYPTO_OPEN);
			crypto_verify(crypto, ops, n + 1);
			for (unsigned i = 0; i < n; i++)
				assert_false(ops[i].ok);
			assert_true(ops[n].ok);
		}
	}
}

static void
assert_plain(const struct packet *packet)
{
	unsigned payload_at = ESP_HEADER_BYTES + packet->sa->suite.encryption->iv_bytes;

	assert_memory_equal(packet->buffer + payload_at, packet->plain + payload_at,
		packet->bytes - payload_at);
}

/* Between verification and decryption the replay window may take packets out. */
static void
survivors_are_decrypted(void **state)
{
	const unsigned n = 20;

	(void)state;
	for (unsigned s = 0; s < sas_n; s++) {
		unsigned kept = 0;

		if (sas[s].suite.encryption->aead)
			continue;
		for (unsigned i = 0; i < n; i++) {
			make_packet(&packets[i], &sas[s], random_blocks(&sas[s]));
			stranger_seal(&packets[i], packets[i].buffer);
		}
		make_ops(n, CRYPTO_OPEN);
		crypto_verify(crypto, ops, n);
		for (unsigned i = 0; i < n; i++)
			if (i % 3 != 0)
				ops[kept++] = ops[i];
		crypto_decrypt(crypto, ops, kept);
		for (unsigned i = 0; i < n; i++)
			if (i % 3 != 0)
				assert_plain(&packets[i]);
	}
}

/* What one call prepared must not be taken for another's. */
static void
other_packets_in_the_same_places_are_decrypted(void **state)
{
	const unsigned n = 20;

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < n; i++) {
			make_packet(&packets[i], &sas[0], 3);
			stranger_seal(&packets[i], packets[i].buffer);
		}
		make_ops(n, CRYPTO_OPEN);
		crypto_verify(crypto, ops, n);
		if (round == 1) { /* other work, through the same jobs */
			struct crypto_op opened[BURST_PKTS];

			memcpy(opened, ops, sizeof(opened));
			for (unsigned i = n; i < 2 * n; i++)
				make_packet(&packets[i], &sas[0], 3);
			make_ops(2 * n, CRYPTO_SEAL);
			crypto_seal(crypto, ops + n, n);
			memcpy(ops, opened, sizeof(opened));
		}
		crypto_decrypt(crypto, ops, n);
		for (unsigned i = 0; i < n; i++)
			assert_plain(&packets[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mixed_bursts_agree_with_openssl),
		cmocka_unit_test_setup_teardown(
			bursts_of_one_suite_agree_with_openssl, set_up, tear_down),
		cmocka_unit_test_setup_teardown(survivors_are_decrypted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			other_packets_in_the_same_places_are_decrypted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(any_flipped_bit_is_found, set_up, tear_down),
	};

	srand(1); /* the same packets in every run */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
