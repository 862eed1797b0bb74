/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>
#include <string.h>

/* Words at any alignment within a packet, as they stand in memory. The compiler makes single moves
 * of these. */

static inline uint32_t
load_u32(const void *from)
{
	uint32_t word;

	memcpy(&word, from, sizeof(word));
	return word;
}

static inline void
store_u32(void *to, uint32_t word)
{
	memcpy(to, &word, sizeof(word));
}
