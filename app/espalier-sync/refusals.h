/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include "prefix.h"

/* What Espalier refused, said to the operator: the first ones in its words, of a flood the number.
 */

struct refusals {
	uint64_t window_ends_ns; /* 0: none is open */
	uint32_t said, unsaid;   /* in this window */
};

void refusals_say(struct refusals *refusals, struct prefix prefix, const char *words);
/* Says how many more there were when the window has ended. Returns when to look next. */
uint64_t refusals_tend(struct refusals *refusals, uint64_t now_ns);
