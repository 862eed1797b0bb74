/* SPDX-License-Identifier: BSD-3-Clause */
#include "ipv4.h"

/* Option types (RFC 791 3.1). */
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_LOOSE_SOURCE_ROUTE 131
#define OPTION_STRICT_SOURCE_ROUTE 137

bool
ipv4_bad_options(const struct rte_ipv4_hdr *ip, unsigned header_bytes)
{
	const uint8_t *option = (const uint8_t *)(ip + 1);
	const uint8_t *end = (const uint8_t *)ip + header_bytes;

	while (option < end && *option != OPTION_END) {
		if (*option == OPTION_NOP) {
			option++;
			continue;
		}
		if (*option == OPTION_LOOSE_SOURCE_ROUTE || *option == OPTION_STRICT_SOURCE_ROUTE)
			return true;
		/* Type and length at least, and all of it within the header. */
		if (end - option < 2 || option[1] < 2 || option[1] > end - option)
			return true;
		option += option[1];
	}
	return false;
}
