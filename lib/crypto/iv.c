/* SPDX-License-Identifier: BSD-3-Clause */
#include "iv.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define KEY_BYTES 16

int
iv_source_init(struct iv_source *source, IMB_MGR *manager)
{
	uint8_t decryption[IV_SCHEDULE_BYTES] __attribute__((aligned(16)));
	uint8_t key[KEY_BYTES];

	memset(source, 0, sizeof(*source));
	if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return -errno;
	IMB_AES_KEYEXP_128(manager, key, source->schedule, decryption);
	explicit_bzero(key, sizeof(key));
	explicit_bzero(decryption, sizeof(decryption));
	source->job.cipher_mode = IMB_CIPHER_CNTR;
	source->job.cipher_direction = IMB_DIR_ENCRYPT;
	source->job.enc_keys = source->schedule;
	source->job.key_len_in_bytes = IMB_KEY_128_BYTES;
	source->job.src = source->ivs[0];
	source->job.dst = source->ivs[0];
	source->job.iv = source->counter;
	source->job.iv_len_in_bytes = sizeof(source->counter);
	return 0;
}

/*
 * THE function that makes IVs. RFC 3602 section 3 and SP 800-38A appendix C want a CBC IV that
 * nobody can predict: not a counter, and not the tail of the packet before. So an IV is a block
 * of AES-128-CTR keystream under a random key that only this worker has and that encrypts nothing
 * else. A block cipher is a permutation and the counter (draw, block within the draw) never
 * repeats: neither does an IV of this worker. They are made a burst at a time, a few cycles each,
 * and none lies in memory before it is needed.
 */
const uint8_t (*iv_draw(struct iv_source *source, IMB_MGR *manager, unsigned n))[IV_BYTES]
{
	uint64_t draw_be = htobe64(source->draws++);

	memcpy(source->counter, &draw_be, sizeof(draw_be));
	memset(source->ivs, 0, (size_t)n * IV_BYTES); /* keystream XOR 0 */
	source->job.msg_len_to_cipher_in_bytes = (uint64_t)n * IV_BYTES;
	if (unlikely(IMB_SUBMIT_CIPHER_BURST_NOCHECK(manager, &source->job, 1, IMB_CIPHER_CNTR,
			     IMB_DIR_ENCRYPT, IMB_KEY_128_BYTES) != 1))
		abort(); /* rather than an IV that is known */
	source->drawn += n;
	return (const uint8_t(*)[IV_BYTES])source->ivs;
}
