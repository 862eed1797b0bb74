/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include <intel-ipsec-mb.h>

/*
 * The library's code that is fastest at AES-GCM, by the length of the packet. Internal to
 * lib/crypto.
 *
 * The library takes one architecture for everything, the widest that the CPU has. But AES-GCM for
 * AVX2 works on vectors as wide as SSE's: on Zen 3 it does 66 bytes in 102 cycles, SSE's in 177,
 * and 1422 bytes in 887, SSE's in 830. So both are timed at start, and packets go to the one that
 * is faster at their length.
 *
 * One key is for both, because the table that SSE's code makes of it holds what AVX2's reads, at
 * the same places, and more (struct gcm_key_data). That is looked at, too, and where it is not so
 * (AVX-512) the wide code does all.
 */
struct gcm_code {
	aes_gcm_enc_dec_t wide, narrow;
	/* The narrow one is faster at packets of so many bytes (crypto_op.bytes) and longer ones;
	 * UINT16_MAX: at none. */
	uint16_t narrow_from;
};

#define GCM_KEY_SIZES 3 /* 128, 192, 256 bits */

struct gcm_codes {
	/* Makes the keys that both take. No matter of timing: keys that one instance expands are
	 * for those of all workers, which have the same architecture. */
	IMB_MGR *expander;
	struct gcm_code of[GCM_KEY_SIZES][2]; /* by enum crypto_direction */
};

/* Times `wide` against `narrow`, which may be NULL: ten milliseconds or so. Both stay the caller's,
 * and as long as `codes`. Control, at start. */
void gcm_codes_init(struct gcm_codes *codes, IMB_MGR *wide, IMB_MGR *narrow);

/* IMB_AES128_GCM_PRE(), IMB_AES192_GCM_PRE() or IMB_AES256_GCM_PRE(), by the size of the key. */
void
gcm_code_expand(IMB_MGR *manager, unsigned size, const uint8_t *key, struct gcm_key_data *table);
