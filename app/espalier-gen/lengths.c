/* SPDX-License-Identifier: BSD-3-Clause */
#include "lengths.h"

#include <stdio.h>
#include <string.h>

#define IMIX "48x7,576x4,1420" /* as docs/performance.md measures */

static bool
in_range(unsigned length)
{
	return length >= LENGTH_MIN && length <= LENGTH_MAX;
}

/* Adds a length as often as it occurs in the mix. */
static bool
add(struct lengths *lengths, unsigned length, unsigned times)
{
	if (!in_range(length) || times == 0 || times + lengths->n > LENGTHS_MIX_MAX)
		return false;
	for (unsigned i = 0; i < times; i++)
		lengths->mix[lengths->n++] = (uint16_t)length;
	if (lengths->low == 0 || length < lengths->low)
		lengths->low = (uint16_t)length;
	if (length > lengths->high)
		lengths->high = (uint16_t)length;
	return true;
}

static bool
parse_mix(const char *at, struct lengths *lengths)
{
	for (;;) {
		unsigned length, times = 1;
		int used = 0, more = 0;

		if (sscanf(at, "%5u%n", &length, &used) != 1)
			return false;
		at += used;
		if (sscanf(at, "x%3u%n", &times, &more) == 1)
			at += more;
		if (!add(lengths, length, times))
			return false;
		if (*at == '\0')
			return true;
		if (*at++ != ',')
			return false;
	}
}

bool
lengths_parse(const char *text, struct lengths *lengths)
{
	unsigned low, high;
	int used = 0;

	memset(lengths, 0, sizeof(*lengths));
	if (snprintf(lengths->text, sizeof(lengths->text), "%s", text) >=
		(int)sizeof(lengths->text))
		return false;
	if (strcmp(text, "imix") == 0)
		return parse_mix(IMIX, lengths);
	if (sscanf(text, "%5u-%5u%n", &low, &high, &used) == 2 && text[used] == '\0') {
		lengths->low = (uint16_t)low;
		lengths->high = (uint16_t)high;
		return in_range(low) && in_range(high) && low <= high;
	}
	return parse_mix(text, lengths);
}

double
lengths_mean(const struct lengths *lengths)
{
	unsigned sum = 0;

	if (lengths->n == 0)
		return (lengths->low + lengths->high) / 2.0;
	for (unsigned i = 0; i < lengths->n; i++)
		sum += lengths->mix[i];
	return (double)sum / lengths->n;
}
