/* SPDX-License-Identifier: BSD-3-Clause */
#include "address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

bool
address_parse(const char *text, uint32_t *address, char why[WHY_BYTES])
{
	struct in_addr parsed;

	if (strchr(text, ':') != NULL)
		snprintf(why, WHY_BYTES,
			"IPv6 is not in this version; write an IPv4 address as a.b.c.d");
	else if (strchr(text, '/') != NULL)
		snprintf(why, WHY_BYTES, "one address is wanted here, without a prefix length");
	else if (inet_pton(AF_INET, text, &parsed) != 1)
		snprintf(why, WHY_BYTES,
			"not an IPv4 address; write it as a.b.c.d, each 0 to 255, without leading "
			"zeros");
	else {
		*address = ntohl(parsed.s_addr);
		return true;
	}
	return false;
}

/* The length of a prefix, or -1 with the reason. */
static int
parse_bits(const char *text, char why[WHY_BYTES])
{
	struct in_addr mask;
	size_t digits = strspn(text, "0123456789");

	if (inet_pton(AF_INET, text, &mask) == 1) {
		uint32_t ones = ntohl(mask.s_addr);
		int bits = __builtin_popcount(ones);
		if (ones == prefix_mask((uint8_t)bits))
			snprintf(why, WHY_BYTES,
				"a mask is written as the number of its bits; %s is /%d", text,
				bits);
		else
			snprintf(why, WHY_BYTES,
				"%s is not a mask, for its ones are not all in front; write /0 to "
				"/32",
				text);
		return -1;
	}
	if (digits == 0 || digits > 2 || text[digits] != '\0' || (text[0] == '0' && digits == 2)) {
		snprintf(why, WHY_BYTES, "the prefix length is not a number; /0 to /32 is allowed");
		return -1;
	}
	int bits = digits == 1 ? text[0] - '0' : (text[0] - '0') * 10 + text[1] - '0';
	if (bits <= 32)
		return bits;
	snprintf(why, WHY_BYTES, "the prefix length is %d; /0 to /32 is allowed", bits);
	return -1;
}

bool
prefix_parse(const char *text, struct prefix *prefix, char why[WHY_BYTES])
{
	char address[32];
	const char *slash = strchr(text, '/');
	size_t bytes = slash == NULL ? strlen(text) : (size_t)(slash - text);

	/* What does not fit is no IPv4 address either. */
	snprintf(address, sizeof(address), "%.*s", (int)(bytes < 31 ? bytes : 31), text);
	if (!address_parse(address, &prefix->address, why))
		return false;
	if (slash == NULL) {
		snprintf(why, WHY_BYTES,
			"it has no prefix length; write for example %s/24, or %s/32 for one "
			"address",
			address, address);
		return false;
	}
	int bits = parse_bits(slash + 1, why);
	prefix->bits = (uint8_t)(bits < 0 ? 0 : bits);
	return bits >= 0;
}

bool
mac_parse(const char *text, uint8_t mac[6], char why[WHY_BYTES])
{
	static const uint8_t zero[6];
	static const char form[] = "xx:xx:xx:xx:xx:xx";
	size_t at = 0;

	for (; form[at] != '\0'; at++) {
		bool good = form[at] == ':' ? text[at] == ':' : isxdigit((unsigned char)text[at]);
		if (!good)
			break;
	}
	if (form[at] != '\0' || text[at] != '\0') {
		snprintf(why, WHY_BYTES,
			"not a link-layer address; write six bytes as 02:00:00:00:00:01");
		return false;
	}
	sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &mac[0], &mac[1], &mac[2], &mac[3],
		&mac[4], &mac[5]);
	/* IEEE 802: the lowest bit of the first byte marks a group. */
	if ((mac[0] & 1) == 0 && memcmp(mac, zero, sizeof(zero)) != 0)
		return true;
	snprintf(why, WHY_BYTES,
		"a group or all-zero address; a neighbor has a single station's, its first byte "
		"even");
	return false;
}

bool
prefix_is_edge(struct prefix prefix, uint32_t address)
{
	uint32_t host = address & ~prefix_mask(prefix.bits);

	return prefix.bits <= 30 && (host == 0 || host == ~prefix_mask(prefix.bits));
}
