/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "eal_line.h"

/* The command line: `espalier [EAL options] -- [options]`, as testpmd has it. */

#define ASSIGNMENTS_MAX 256

/* One of --config's triples: this lcore polls that queue of that DPDK port. */
struct queue_assignment {
	unsigned port;
	unsigned queue;
	unsigned lcore;
};

struct options {
	int eal_argc; /* argv[0 .. eal_argc) is EAL's */
	const char *config_path;
	const char *imb_arch; /* NULL: the best there is */
	struct queue_assignment assignments[ASSIGNMENTS_MAX];
	unsigned n_assignments; /* 0: queue n goes to the n-th worker */
	unsigned mbufs;         /* 0: as the queues need */
	unsigned idle_sleep_us; /* 0: workers never sleep */
	bool kernel_interfaces;
	bool start_held;
};

/*
 * Reads the command line. OPTIONS_DONE: it asked for help or the version, which were printed.
 * OPTIONS_BAD: said why. Called once, first of all, before EAL takes its part of the line.
 */
enum options_result options_parse(int argc, char *argv[], struct options *options);
