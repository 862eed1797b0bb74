/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Numbers as people write them on a command line. Each says what is wrong, naming the option. */

/* A whole number from `low` to `high`; a k, M or G behind it multiplies. */
bool
number_read(const char *option, const char *text, uint64_t low, uint64_t high, uint64_t *number);
bool number_read_unsigned(
	const char *option, const char *text, unsigned low, unsigned high, unsigned *number);

/* A number with or without a fraction, from `low` to `high`; k, M and G as above. */
bool
number_read_real(const char *option, const char *text, double low, double high, double *number);

/* "0.1%" or "0.001": 0 to 1. */
bool number_read_share(const char *option, const char *text, double *share);
