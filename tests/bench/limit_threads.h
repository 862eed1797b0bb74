/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "limit_options.h"
#include "limit_work.h"

/* A round of a method: on one thread, or on several at once, each on a CPU and with work of its
 * own, because what threads of one process share is what a gateway's workers would share. */

struct threads {
	unsigned n;
	struct work *works[CPUS_MAX];
};

struct result {
	double cycles; /* TSC, per packet, mean of the threads */
	double mpps;   /* of all threads together */
};

/* All threads work for that time. Their work is prepared. */
struct result threads_run(const struct threads *threads, const struct options *options,
	const struct method *method, double seconds);
