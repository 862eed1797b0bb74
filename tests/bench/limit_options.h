/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>

#include "crypto.h"
#include "suite.h"

/* The command line of espalier-limit. */

#define INNER_BYTES_MAX 1500
#define LENGTHS_MAX 16
#define CPUS_MAX 64
#define IMIX 0 /* as a length */

struct options {
	unsigned lengths[LENGTHS_MAX];
	unsigned lengths_n;
	double seconds; /* of each measure */
	const char *arch;
	struct suite suite;
	unsigned directions;     /* bits of enum crypto_direction */
	unsigned cpus[CPUS_MAX]; /* a thread on each */
	unsigned cpus_n;         /* 0: one thread, wherever it runs */
	bool json;
};

/* Defaults, then what the command line says. False after a message. --help does not return. */
bool options_parse(struct options *options, int argc, char **argv);
