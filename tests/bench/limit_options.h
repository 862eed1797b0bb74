/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>

#include "suite.h"

/* The command line of espalier-limit. */

#define INNER_BYTES_MAX 1500
#define LENGTHS_MAX 16
#define IMIX 0 /* as a length */

struct options {
	unsigned lengths[LENGTHS_MAX];
	unsigned lengths_n;
	double seconds; /* of each measure */
	const char *arch;
	struct suite suite;
	bool json;
};

/* Defaults, then what the command line says. False after a message. --help does not return. */
bool options_parse(struct options *options, int argc, char **argv);
