/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* The command line. */

enum options_verdict { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_WRONG };

struct options {
	const char *socket;
	const char *netns; /* NULL: the one we are in */
	bool mirror;
	bool fpm;
	bool compare;
	struct sockaddr_in fpm_address;
	uint32_t table;
	uint32_t fpm_grace_s;
	int receive_bytes;
};

/* Fills in all; what is wrong, and --help and --version, have been said. */
enum options_verdict options_parse(int argc, char **argv, struct options *options);
