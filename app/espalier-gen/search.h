/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "trial.h"

/* Throughput as RFC 2544 26.1 defines it: the highest rate at which no more is lost than allowed.
 * Control. */

/*
 * Looks for it below `highest` packets per second, by halving. Each trial is told in a line on
 * standard error. The outcome of the last good trial is the caller's; false: there was none, or
 * memory ran out, or somebody interrupted. `*rate` is what was found.
 */
bool search_run(struct range *range, double highest, double *rate, struct outcome *outcome);
