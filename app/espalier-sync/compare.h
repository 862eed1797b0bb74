/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "options.h"

/* espalier-sync --compare: do Espalier and the kernel have the same routes? Changes nothing. */

enum { COMPARE_SAME, COMPARE_DIFFERENT, COMPARE_FAILED };

/* Lists both, prints each difference on stdout, one a line up to a bound, and what it found.
 * Returns one of the above, for the exit status. */
int compare_run(const struct options *options);
