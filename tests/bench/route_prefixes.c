/* SPDX-License-Identifier: BSD-3-Clause */
#include "route_prefixes.h"

#include <stdlib.h>

static uint64_t
roll(uint64_t *state)
{
	/* splitmix64 */
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Shares of the lengths in a full table of the IPv4 Internet, per thousand; the rest are /24. */
static uint8_t
choose_length(uint64_t *state, unsigned percent_long)
{
	static const struct {
		uint8_t bits;
		uint16_t of_1000;
	} shares[] = { { 23, 105 }, { 22, 113 }, { 21, 53 }, { 20, 45 }, { 19, 26 }, { 18, 14 },
		{ 17, 9 }, { 16, 14 }, { 15, 2 }, { 14, 2 }, { 13, 1 }, { 12, 1 } };
	uint32_t at = (uint32_t)(roll(state) % 1000);

	if (roll(state) % 100 < percent_long)
		return (uint8_t)(25 + roll(state) % 8);
	for (unsigned i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		if (at < shares[i].of_1000)
			return shares[i].bits;
		at -= shares[i].of_1000;
	}
	return 24;
}

struct prefix *
route_prefixes_make(uint32_t n_routes, uint64_t seed, unsigned percent_long)
{
	struct prefix *made = calloc(n_routes, sizeof(*made));
	uint8_t *seen = calloc(33, 1u << 24); /* a bit for each prefix up to /27 */
	uint64_t state = seed;

	for (uint32_t n = 0; made != NULL && seen != NULL && n < n_routes;) {
		uint8_t bits = choose_length(&state, percent_long);
		uint32_t address = (20u << 24) + (uint32_t)(roll(&state) >> 33);
		address &= prefix_mask(bits);
		uint32_t place = address >> (bits > 27 ? 5 : 32 - bits);
		uint8_t *byte = &seen[((uint32_t)bits << 24) + (place >> 3)];

		if ((*byte & 1 << (place & 7)) != 0)
			continue;
		*byte |= (uint8_t)(1 << (place & 7));
		made[n++] = (struct prefix) { address, bits };
	}
	if (seen == NULL) {
		free(made);
		made = NULL;
	}
	free(seen);
	return made;
}
