/* SPDX-License-Identifier: BSD-3-Clause */
#include "search.h"

#include <stdio.h>

/* A rate that was not offered was not tried: RFC 2544 wants it as it is named. */
#define OFFERED_MIN 0.99

static bool
offered(const struct outcome *outcome, const struct options *options, double rate)
{
	for (enum direction d = 0; d < DIRECTION_COUNT; d++)
		if (options->directions[d] && outcome->way[d].offered_pps < OFFERED_MIN * rate)
			return false;
	return true;
}

static void
tell(const struct outcome *outcome, const struct options *options, double rate, const char *verdict)
{
	fprintf(stderr, "  trial %10.0f pps:", rate);
	for (enum direction d = 0; d < DIRECTION_COUNT; d++)
		if (options->directions[d])
			fprintf(stderr, " %s %10.0f offered, %.6f %% lost,", direction_name(d),
				outcome->way[d].offered_pps, 100 * outcome->way[d].loss);
	fprintf(stderr, " %s\n", verdict);
}

/* Runs one; the outcome is kept if it is good. */
static bool
try_rate(struct range *range, double rate, struct outcome *outcome)
{
	const struct options *options = range->needs.options;
	const struct trial trial = {
		.order = { .rate = rate, .ramp_s = options->ramp_s },
		.seconds = options->duration_s,
	};
	bool good;

	if (!trial_run(range, &trial, outcome))
		return false;
	good = outcome_good(outcome, options);
	if (good && !offered(outcome, options, rate)) {
		tell(outcome, options, rate, "the rate was not reached");
		good = false;
	} else {
		tell(outcome, options, rate, good ? "passed" : "failed");
	}
	if (!good)
		outcome_free(outcome);
	return good;
}

bool
search_run(struct range *range, double highest, double *rate, struct outcome *outcome)
{
	double low = 0, high = highest, next = highest;
	struct outcome found;

	*rate = 0;
	while (!*range->interrupted && high - low > range->needs.options->resolution * highest) {
		if (try_rate(range, next, &found)) {
			if (*rate > 0)
				outcome_free(outcome);
			*outcome = found;
			*rate = low = next;
			if (next >= high)
				break;
		} else {
			high = next;
		}
		next = (low + high) / 2;
	}
	return *rate > 0;
}
