/* SPDX-License-Identifier: BSD-3-Clause */
#include "siphash.h"

#include <string.h>

#define COMPRESSION_ROUNDS 2
#define FINAL_ROUNDS 4

struct state {
	uint64_t v0, v1, v2, v3;
};

/* Eight bytes, or fewer at the end, least significant first. */
static uint64_t
load(const uint8_t *from, size_t bytes)
{
	uint64_t word = 0;

	for (size_t i = 0; i < bytes; i++)
		word |= (uint64_t)from[i] << 8 * i;
	return word;
}

static uint64_t
rotate(uint64_t word, unsigned bits)
{
	return word << bits | word >> (64 - bits);
}

static void
turn(struct state *s, unsigned rounds)
{
	while (rounds-- > 0) {
		s->v0 += s->v1;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v0 = rotate(s->v0, 32);
		s->v2 += s->v3;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 += s->v3;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v2 += s->v1;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v2 = rotate(s->v2, 32);
	}
}

static void
absorb(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	turn(s, COMPRESSION_ROUNDS);
	s->v0 ^= word;
}

uint64_t
siphash(const uint8_t secret[SIPHASH_SECRET_BYTES], const void *data, size_t bytes)
{
	uint64_t k0 = load(secret, 8), k1 = load(secret + 8, 8);
	const uint8_t *at = data;
	size_t left = bytes;
	struct state s = {
		/* "somepseudorandomlygeneratedbytes", as the paper has it */
		.v0 = k0 ^ 0x736f6d6570736575,
		.v1 = k1 ^ 0x646f72616e646f6d,
		.v2 = k0 ^ 0x6c7967656e657261,
		.v3 = k1 ^ 0x7465646279746573,
	};

	for (; left >= 8; left -= 8, at += 8)
		absorb(&s, load(at, 8));
	absorb(&s, load(at, left) | (uint64_t)bytes << 56);
	s.v2 ^= 0xff;
	turn(&s, FINAL_ROUNDS);
	uint64_t digest = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
	explicit_bzero(&s, sizeof(s));
	return digest;
}
