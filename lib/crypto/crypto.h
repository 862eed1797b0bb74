/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "sizes.h"
#include "suite.h"

/*
 * Seals and opens bursts of ESP packets where they are, or next to it, synchronously, through
 * intel-ipsec-mb.
 *
 * A burst is grouped by suite and direction (not by SA) and sorted by length before it goes to the
 * library's multi-buffer lanes; results stand in the order of the ops. Nothing stays inside the
 * library between calls: when a call returns, no key or packet is referenced any more. That is why
 * one quiescent report per turn covers the keys.
 */

struct crypto; /* one per worker, used by it alone: the library's manager and scratch */

/*
 * An SA's key schedules, ready for the lanes. Const after crypto_key_init(); shared by all workers.
 * Packed, because with thousands of SAs each cache line of it comes from far away: AES-128-CBC with
 * HMAC-SHA-1 takes four.
 */
struct crypto_key {
	struct suite suite;
	uint8_t group;    /* which jobs may share a burst: the index of the suite's row in the
			     engine's table, and KEY_ESN */
	uint8_t iv_bytes; /* as in the suite, here so that nobody chases pointers per packet */
	uint8_t icv_bytes;
	uint8_t block_bytes;
	uint8_t salt[4];    /* AEADs */
	uint8_t schedule[]; /* engine's own; zeroized by crypto_key_wipe() */
};

/* In a key's group. RFC 4303 2.2.1: the high half of the sequence number is authenticated, not
 * sent. */
#define KEY_ESN 16

enum crypto_direction { CRYPTO_SEAL, CRYPTO_OPEN };

/* One packet to seal or open. */
struct crypto_op {
	const struct crypto_key *key;
	uint8_t *esp; /* first byte of the ESP header: SPI, sequence, then IV, then ciphertext, then
			 ICV */
	uint32_t esn_high_be; /* high half of the sequence number; read only with KEY_ESN */
	uint16_t bytes; /* from `esp` up to the ICV: header, IV, payload, padding, pad length, next
			   header */
	bool ok;        /* crypto_verify()'s verdict */
	uint8_t shift;  /* crypto_seal(): the payload still lies so many bytes behind its place in
			   the packet, and comes there encrypted; see crypto_esp_alignment() */
};

/*
 * Makes a worker's crypto. `arch` names an ipsec-mb architecture ("avx512", "avx2", "avx", "sse")
 * or is NULL or "auto" for the best that the CPU *and* the operating system offer (XGETBV is asked
 * before AVX-512 is chosen), and narrower code for HMACs and AES-GCM where that is faster
 * (hasher.h, gcm_code.h). Control, at start. NULL on failure with one line of what and why in
 * `error`.
 */
struct crypto *crypto_create(const char *arch, char *error, size_t error_bytes);
/* Frees it and zeroizes scratch. Control, after its worker stopped. NULL is fine. */
void crypto_destroy(struct crypto *crypto);

/* What was chosen, e.g. "avx2 (type 1) and SHA instructions, intel-ipsec-mb 1.3.0"; valid while
 * `crypto` is. */
const char *crypto_description(const struct crypto *crypto);

/* IVs drawn for CBC since creation. The worker that owns it. */
uint64_t crypto_ivs_drawn(const struct crypto *crypto);

/*
 * Known-answer test of every suite, both directions, against published vectors. 0, or -EIO with the
 * suite's name and what differed in `error`. Control, at start, before traffic.
 */
int crypto_self_test(struct crypto *crypto, char *error, size_t error_bytes);

/* Bytes that a key of this suite needs, CRYPTO_KEY_LINES cache lines at least; allocate them
 * aligned to one. */
size_t crypto_key_size(struct suite suite);

/* What AES-128-CBC with HMAC-SHA-1 has. Every key has so many, so that who loads them ahead need
 * not look what it is. */
#define CRYPTO_KEY_LINES 4

/*
 * What an ESP header's address should be a multiple of, a power of two, for sealing to be fast; 1:
 * it does not matter. An inner packet lies behind an Ethernet header of 14 bytes, and stores of 16
 * bytes that straddle cache lines cost a few per cent of all: so a packet is encrypted to a place a
 * little before its own. The library does no more than what it documents, in place or elsewhere,
 * but for two places that overlap; every one of its ciphers reads a block before it writes that
 * block's place or any earlier one, and crypto_self_test() proves it for the code at hand.
 */
unsigned crypto_esp_alignment(struct suite suite);
#define CRYPTO_SHIFT_MAX 15
#define CRYPTO_IV_BYTES_MAX 16

/* What a key is made of. The bytes have the suite's lengths and stay the caller's, who zeroizes
 * them. */
struct crypto_material {
	struct suite suite;
	const uint8_t *encryption_key;     /* key, then salt */
	const uint8_t *authentication_key; /* NULL with an AEAD */
	bool esn;
};

/*
 * Expands key material into `key`. Control only, with a `crypto` no worker uses. 0, -EINVAL for a
 * suite that the tables do not combine, or the errno of getrandom(2).
 */
int crypto_key_init(struct crypto *crypto, struct crypto_key *key, enum crypto_direction direction,
	const struct crypto_material *material);

/* Zeroizes a key; the memory stays the caller's. */
void crypto_key_wipe(struct crypto_key *key);

/*
 * Outbound (RFC 4303 3.3): draws an IV for each op, encrypts, writes the ICV behind `bytes` (that
 * room must be there; with ESN at least 4 bytes even if the ICV were shorter). SPI and sequence
 * number stand in the packet already. n <= BURST_PKTS.
 */
void crypto_seal(struct crypto *crypto, struct crypto_op ops[], unsigned n);

/*
 * Inbound (RFC 4303 3.4.4): sets `ok` of each op, in constant time per packet. AEADs are decrypted
 * by the same step; CBC is left encrypted. With ESN the ICV's place is overwritten. Lengths were
 * checked before. n <= BURST_PKTS.
 */
void crypto_verify(struct crypto *crypto, struct crypto_op ops[], unsigned n);

/* Decrypts what crypto_verify() found ok and left encrypted: the same ops, in their order, without
 * those that must not be. Every op given must be ok. */
void crypto_decrypt(struct crypto *crypto, struct crypto_op ops[], unsigned n);
