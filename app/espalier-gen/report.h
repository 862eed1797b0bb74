/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "outcome.h"

/* What a run found, for people and for programs. Control. */

struct report {
	const struct options *options;
	const struct team_needs *needs;
	const struct outcome *outcome;
	double rate;       /* asked for, packets per second and direction; 0: max */
	double throughput; /* of --search; 0: none */
	bool good;
};

/* The last words, on standard output. False: it does not take them. */
bool report_text(const struct report *report);
/* One JSON document on standard output. False: it does not take it, or memory ran out. */
bool report_json(const struct report *report);

/* The latencies that both show. */
struct quantile {
	const char *name;
	double share;
};
#define QUANTILES 5
extern const struct quantile report_quantiles[QUANTILES];

/* Cycles as microseconds. */
double report_us(uint64_t cycles);

/* The highest ESP sequence number that the peers used: where the next run goes on. 0: none. */
uint64_t report_sequence(const struct peers *peers);
