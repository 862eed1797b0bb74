/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* An IPv4 prefix or interface address, in host order. */
struct prefix {
	uint32_t address;
	uint8_t bits; /* 0 .. 32 */
};

#define ADDRESS_TEXT_BYTES 16
#define PREFIX_TEXT_BYTES 20

/* "192.0.2.1" and "192.0.2.0/24", into `text`, which is returned. */
const char *address_format(uint32_t address, char text[ADDRESS_TEXT_BYTES]);
const char *prefix_format(struct prefix prefix, char text[PREFIX_TEXT_BYTES]);

static inline uint32_t
prefix_mask(uint8_t bits)
{
	return bits == 0 ? 0 : UINT32_MAX << (32 - bits);
}

/* Does the prefix cover the address? Host bits of the prefix do not matter. */
static inline bool
prefix_covers(struct prefix prefix, uint32_t address)
{
	return ((prefix.address ^ address) & prefix_mask(prefix.bits)) == 0;
}

/* Unicast that a host may have and that may cross a router: neither this network, loopback,
 * multicast, reserved nor broadcast (RFC 1122 3.2.1.3, RFC 1812 5.3.7, RFC 6890). */
static inline bool
address_may_cross(uint32_t address)
{
	uint32_t first = address >> 24;

	return first != 0 && first != 127 && first < 224;
}
