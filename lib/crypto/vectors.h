/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include "suite.h"

/* What others have published of the algorithms: keys, texts and what comes out, for the self-test.
 * Internal to lib/crypto. */

/* Hexadecimal text. */
struct cbc_vector {
	uint8_t key_bytes;
	const char *key;
	const char *ciphertext;
};

/* NIST SP 800-38A, F.2.1, F.2.3 and F.2.5 */
static const char cbc_iv[] = "000102030405060708090a0b0c0d0e0f";
static const char cbc_plaintext[] =
	"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
	"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
static const struct cbc_vector cbc_vectors[] = {
	{ 16, "2b7e151628aed2a6abf7158809cf4f3c",
		"7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
		"73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7" },
	{ 24, "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
		"4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
		"571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd" },
	{ 32, "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
		"f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
		"39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b" },
};

/* RFC 2202 section 3 and RFC 4868 section 2.7.2, first case of each: "Hi There" under a key of
 * bytes 0x0b. The text is as long as an ESP header. */
static const char mac_text[] = "4869205468657265";
static const char *const mac_icvs[] = {
	[MAC_HMAC_SHA1] = "b617318655057264e28bc0b6",
	[MAC_HMAC_SHA256] = "198a607eb44bfbc69903a0f1cf2bbdc5",
	[MAC_HMAC_SHA384] = "b6a8d5636f5c6a7224f9977dcf7ee6c7fb6d0c48cbdee973",
	[MAC_HMAC_SHA512] = "637edc6e01dce7e6742a99451aae82df23da3e92439e590e43e761b33e910fb8",
};

struct aead_vector {
	const char *suite;
	const char *key; /* with salt */
	const char *esn_high;
	const char *packet; /* sealed */
	const char *plaintext;
};

/* draft-mcgrew-gcm-test-01 section 4; RFC 7634 appendix A */
static const struct aead_vector aead_vectors[] = {
	{ "aes128-gcm", "4c80cdefbb5d10da906ac73c3613a6342e443b68", "87654321",
		"00004321000000004956ed7e3b244cfefecf537e729d5b07dc30df528dd22b76"
		"8d1b98736696a6fd348509fa13ceac34cfa2436f14a3f3cf65925bf1f4a13c5d"
		"15b21e1884f5ff6247aeabb786b93bce61bc17d768fd9732459018148f6cbe72"
		"2fd04796562dfdb4",
		"45000048699a000080114db7c0a80102c0a801010a9bf15638d3010000010000"
		"00000000045f736970045f756470037369700963796265726369747902646b00"
		"0021000101020201" },
	{ "aes192-gcm", "feffe9928665731c6d6a8f9467308308feffe9928665731ccafebabe", NULL,
		"0000a5f80000000afacedbaddecaf888a5b1f8066029aea40e598b8122de0242"
		"0938b3ab33f828e687b8858b5bfbdbd0315b27452144cc7795457b9652037f53"
		"18027b5b4cd7a636",
		"45000028a4ad4000400678800a01038f0a010612802306b8cb712602dd6bb03e"
		"501016d075680001" },
	{ "aes256-gcm",
		"abbccddef00112233445566778899aababbccddef00112233445566778899aab"
		"11223344",
		NULL,
		"4a2cbfe3000000020102030405060708ff425c9b724599df7a3bcd510194e00d"
		"6a78107f1b0b1cbf06efae9d65a5d763748a637985771d347f0545659f14e99d"
		"ef842d8eb335f4eecfdbf831824b4c4915956c96",
		"4500003069a6400080062690c0a801029389155e0a9e008b2dc57ee000000000"
		"7002400020bf0000020405b40101040201020201" },
	{ "chacha20-poly1305",
		"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
		"a0a1a2a3",
		NULL,
		"0102030400000005101112131415161724039428b97f417e3c13753a4f05087b"
		"67c352e6a7fab1b982d466ef407ae5c614ee8099d52844eb61aa95dfab4c02f7"
		"2aa71e7c4c4f64c9befe2facc638e8f3cbec163fac469b502773f6fb94e664da"
		"9165b82829f641e076aaa8266b7fb0f7b11b369907e1ad43",
		"45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec10"
		"0007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223"
		"2425262728292a2b2c2d2e2f303132333435363701020204" },
};
