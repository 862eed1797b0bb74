/* SPDX-License-Identifier: BSD-3-Clause */
#include "limit_options.h"

#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
usage(FILE *out)
{
	fprintf(out,
		"usage: espalier-limit [options]\n"
		"Measures intel-ipsec-mb alone, jobs as ESP in IPv4 tunnels needs "
		"them.\n"
		"  --seconds S      time for each measure (1)\n"
		"  --lengths LIST   inner IP lengths (64,256,512,1420)\n"
		"  --imix           also the mix of 7 x 48, 4 x 576, 1 x 1420\n"
		"  --suite E[,A]    encryption and authentication (aes128-cbc,hmac-sha1-96); "
		"aes128-gcm\n"
		"  --direction D    outbound, inbound or both (both)\n"
		"  --cpus LIST      a thread on each of these CPUs (one thread on any)\n"
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
	struct suite suite = { 0 };

	if (comma != NULL) {
		*comma = '\0';
		suite.authentication = suite_authentication_find(comma + 1);
	}
	suite.encryption = suite_encryption_find(text);
	options->suite = suite;
	/* ChaCha20 has no call of the library that takes more than one way. */
	if (suite.encryption == NULL || strcmp(suite.encryption->name, "chacha20-poly1305") == 0 ||
		suite.encryption->aead != (comma == NULL) ||
		(comma != NULL && suite.authentication == NULL)) {
		fprintf(stderr,
			"espalier-limit: a suite is like aes128-cbc,hmac-sha1-96 or aes128-gcm\n");
		return false;
	}
	return true;
}

static bool
parse_direction(struct options *options, const char *text)
{
	if (strcmp(text, "outbound") == 0)
		options->directions = 1u << CRYPTO_SEAL;
	else if (strcmp(text, "inbound") == 0)
		options->directions = 1u << CRYPTO_OPEN;
	else if (strcmp(text, "both") != 0) {
		fprintf(stderr, "espalier-limit: a direction is outbound, inbound or both\n");
		return false;
	}
	return true;
}

static bool
parse_cpus(struct options *options, char *list)
{
	cpu_set_t allowed;

	sched_getaffinity(0, sizeof(allowed), &allowed);
	for (char *next, *item = strtok_r(list, ",", &next); item != NULL;
		item = strtok_r(NULL, ",", &next)) {
		char *end;
		unsigned long cpu = strtoul(item, &end, 10);

		if (*end != '\0' || cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &allowed) ||
			options->cpus_n == CPUS_MAX) {
			fprintf(stderr, "espalier-limit: \"%s\" is no CPU that it may run on\n",
				item);
			return false;
		}
		options->cpus[options->cpus_n++] = (unsigned)cpu;
	}
	return true;
}

/* False after a message. */
static bool
take(struct options *options, int option)
{
	switch (option) {
	case 's':
		options->seconds = strtod(optarg, NULL);
		return true;
	case 'l':
		return parse_lengths(options, optarg);
	case 'e':
		return parse_suite(options, optarg);
	case 'd':
		return parse_direction(options, optarg);
	case 'c':
		return parse_cpus(options, optarg);
	case 'a':
		options->arch = optarg;
		return true;
	case 'j':
		options->json = true;
		return true;
	case 'h':
		usage(stdout);
		exit(0);
	default:
		usage(stderr);
		return false;
	}
}

bool
options_parse(struct options *options, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "lengths", required_argument, NULL, 'l' },
		{ "imix", no_argument, NULL, 'i' },
		{ "suite", required_argument, NULL, 'e' },
		{ "direction", required_argument, NULL, 'd' },
		{ "cpus", required_argument, NULL, 'c' },
		{ "arch", required_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	bool with_imix = false;
	int option;

	*options = (struct options) {
		.lengths = { 64, 256, 512, 1420 },
		.lengths_n = 4,
		.seconds = 1,
		.directions = 1u << CRYPTO_SEAL | 1u << CRYPTO_OPEN,
		.suite = { suite_encryption_find("aes128-cbc"),
			suite_authentication_find("hmac-sha1-96") },
	};
	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (option == 'i')
			with_imix = true;
		else if (!take(options, option))
			return false;
	}
	if (with_imix) /* behind the lengths, wherever the list stood */
		options->lengths[options->lengths_n++] = IMIX;
	return true;
}
