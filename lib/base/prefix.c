/* SPDX-License-Identifier: BSD-3-Clause */
#include "prefix.h"

#include <stdio.h>

const char *
address_format(uint32_t address, char text[ADDRESS_TEXT_BYTES])
{
	snprintf(text, ADDRESS_TEXT_BYTES, "%u.%u.%u.%u", address >> 24, address >> 16 & 0xFF,
		address >> 8 & 0xFF, address & 0xFF);
	return text;
}

const char *
prefix_format(struct prefix prefix, char text[PREFIX_TEXT_BYTES])
{
	char address[ADDRESS_TEXT_BYTES];

	snprintf(text, PREFIX_TEXT_BYTES, "%s/%u", address_format(prefix.address, address),
		prefix.bits);
	return text;
}
