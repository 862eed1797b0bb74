/* SPDX-License-Identifier: BSD-3-Clause */
#include "numbers.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "log.h"

/* The number before a suffix, times what the suffix says; NAN: none. */
static double
scaled(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (!isdigit((unsigned char)text[0]) || text[1] == 'x')
		return NAN;
	switch (*end) {
	case '\0':
		return value;
	case 'k':
		value *= 1e3;
		break;
	case 'M':
		value *= 1e6;
		break;
	case 'G':
		value *= 1e9;
		break;
	default:
		return NAN;
	}
	return end[1] == '\0' ? value : NAN;
}

bool
number_read_real(const char *option, const char *text, double low, double high, double *number)
{
	*number = scaled(text);
	if (*number >= low && *number <= high)
		return true;
	log_error("%s takes a number from %g to %g, not '%s'", option, low, high, text);
	return false;
}

bool
number_read(const char *option, const char *text, uint64_t low, uint64_t high, uint64_t *number)
{
	double value = scaled(text);

	if (value >= (double)low && value <= (double)high && value == floor(value)) {
		*number = (uint64_t)value;
		return true;
	}
	log_error("%s takes a whole number from %" PRIu64 " to %" PRIu64 ", not '%s'", option, low,
		high, text);
	return false;
}

bool
number_read_unsigned(
	const char *option, const char *text, unsigned low, unsigned high, unsigned *number)
{
	uint64_t value;

	if (!number_read(option, text, low, high, &value))
		return false;
	*number = (unsigned)value;
	return true;
}

bool
number_read_share(const char *option, const char *text, double *share)
{
	char *end;

	*share = strtod(text, &end);
	if (*end == '%') {
		*share /= 100;
		end++;
	}
	if (isdigit((unsigned char)text[0]) && *end == '\0' && *share >= 0 && *share <= 1)
		return true;
	log_error("%s takes a share such as 0.1%% or 0.001, not '%s'", option, text);
	return false;
}
