/* SPDX-License-Identifier: BSD-3-Clause */
#include "limit_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
usage(FILE *out)
{
	fprintf(out,
		"usage: espalier-limit [options]\n"
		"Measures intel-ipsec-mb alone on one core, jobs as ESP in IPv4 tunnels needs "
		"them.\n"
		"  --seconds S      time for each measure (1)\n"
		"  --lengths LIST   inner IP lengths (64,256,512,1420)\n"
		"  --imix           also the mix of 7 x 48, 4 x 576, 1 x 1420\n"
		"  --suite E,A      encryption and authentication (aes128-cbc,hmac-sha1-96)\n"
		"  --arch ARCH      auto, avx512, avx2, avx or sse (auto)\n"
		"  --json           one JSON object a line\n");
}

/* False after a message: not a number, out of range, too many. */
static bool
parse_lengths(struct options *options, char *list)
{
	options->lengths_n = 0;
	for (char *next, *item = strtok_r(list, ",", &next); item != NULL;
		item = strtok_r(NULL, ",", &next)) {
		char *end;
		unsigned long length = strtoul(item, &end, 10);

		if (*end != '\0' || length < 20 || length > INNER_BYTES_MAX ||
			options->lengths_n == LENGTHS_MAX - 1) {
			fprintf(stderr, "espalier-limit: \"%s\": at most %u lengths, 20 to %u\n",
				item, LENGTHS_MAX - 1, INNER_BYTES_MAX);
			return false;
		}
		options->lengths[options->lengths_n++] = (unsigned)length;
	}
	return true;
}

static bool
parse_suite(struct options *options, char *text)
{
	char *comma = strchr(text, ',');

	if (comma != NULL) {
		*comma = '\0';
		options->suite.encryption = suite_encryption_find(text);
		options->suite.authentication = suite_authentication_find(comma + 1);
	}
	if (comma == NULL || options->suite.encryption == NULL || options->suite.encryption->aead ||
		options->suite.authentication == NULL) {
		fprintf(stderr, "espalier-limit: a suite is like aes128-cbc,hmac-sha1-96\n");
		return false;
	}
	return true;
}

bool
options_parse(struct options *options, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "lengths", required_argument, NULL, 'l' },
		{ "imix", no_argument, NULL, 'i' },
		{ "suite", required_argument, NULL, 'e' },
		{ "arch", required_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	bool with_imix = false;
	int c;

	*options = (struct options) {
		.lengths = { 64, 256, 512, 1420 },
		.lengths_n = 4,
		.seconds = 1,
		.suite = { suite_encryption_find("aes128-cbc"),
			suite_authentication_find("hmac-sha1-96") },
	};
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			options->seconds = strtod(optarg, NULL);
			break;
		case 'l':
			if (!parse_lengths(options, optarg))
				return false;
			break;
		case 'i':
			with_imix = true;
			break;
		case 'e':
			if (!parse_suite(options, optarg))
				return false;
			break;
		case 'a':
			options->arch = optarg;
			break;
		case 'j':
			options->json = true;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			return false;
		}
	}
	if (with_imix)
		options->lengths[options->lengths_n++] = IMIX;
	return true;
}
