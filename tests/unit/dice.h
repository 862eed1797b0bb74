/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

/* Random numbers for property tests: splitmix64 (public domain). Each test seeds them, so that a
 * failure comes back. */

static uint64_t dice_state;

static inline void
dice_seed(uint64_t seed)
{
	dice_state = seed;
}

static inline uint64_t
dice_word(void)
{
	uint64_t z = dice_state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* 0 .. limit - 1, evenly enough. */
static inline uint32_t
dice_below(uint32_t limit)
{
	return (uint32_t)(dice_word() % limit);
}
