/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * How long packets are, in bytes of IPv4: one length, a range, or a mix. Which of them a packet has
 * follows from a hash of what it carries, so that the far end knows what to expect.
 */

#define LENGTH_MIN 48 /* IPv4, UDP, and what is to be checked: see payload.h */
#define LENGTH_MAX 9216
#define LENGTHS_MIX_MAX 64
#define LENGTHS_TEXT_BYTES 48

struct lengths {
	char text[LENGTHS_TEXT_BYTES]; /* as given */
	uint16_t low, high;
	uint16_t n; /* of a mix; 0: any from low to high */
	uint16_t mix[LENGTHS_MIX_MAX];
};

/* "64", "64-1420", "imix" (48x7,576x4,1420) or a mix such as "64x3,1400". False: it is none. */
bool lengths_parse(const char *text, struct lengths *lengths);

/* One of them, by 32 random bits. */
static inline uint16_t
lengths_pick(const struct lengths *lengths, uint32_t dice)
{
	if (lengths->n != 0)
		return lengths->mix[((uint64_t)dice * lengths->n) >> 32];
	return (uint16_t)(lengths->low +
		(((uint64_t)dice * (unsigned)(lengths->high - lengths->low + 1)) >> 32));
}

/* Their mean. */
double lengths_mean(const struct lengths *lengths);
