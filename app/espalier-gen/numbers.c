/* SPDX-License-Identifier: BSD-3-Clause */
#include "numbers.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compiler.h"
#include "log.h"

/* What stands behind a number, to its end, as a factor; 0: nothing that means one. */
static uint64_t
factor(const char *suffix)
{
	static const struct {
		const char *suffix;
		uint64_t factor;
	} known[] = { { "", 1 }, { "k", 1000 }, { "M", 1000000 }, { "G", 1000000000 } };

	for (unsigned i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(suffix, known[i].suffix) == 0)
			return known[i].factor;
	return 0;
}

/* The number before a suffix, times what the suffix says; NAN: none. */
static double
scaled(const char *text)
{
	char *end;
	double value = strtod(text, &end);
	uint64_t times = factor(end);

	if (!isdigit((unsigned char)text[0]) || text[1] == 'x' || times == 0)
		return NAN;
	return value * (double)times;
}

/* The same in integers, which have more digits than a double. */
static bool
scaled_whole(const char *text, uint64_t *number)
{
	char *end;

	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (isdigit((unsigned char)text[0]) && factor(end) != 0)
		return errno == 0 && !__builtin_mul_overflow(value, factor(end), number);
	/* 1.5k and 1e6 are whole numbers too. */
	double real = scaled(text);
	*number = real < 0x1p53 ? (uint64_t)real : 0;
	return (double)*number == real;
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
	if (scaled_whole(text, number) && *number >= low && *number <= high)
		return true;
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
