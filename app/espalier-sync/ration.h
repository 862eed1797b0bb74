/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* How much is said of one kind of thing: a few lines in ten seconds, and of the others the number.
 */

struct ration {
	uint64_t window_ends_ns; /* 0: none is open */
	uint32_t said, unsaid;   /* in this window */
};

/* May this one be said? */
bool ration_take(struct ration *ration);
/* The number that was not said in a window that has ended, once; else 0. Sets when to ask next. */
uint32_t ration_tend(struct ration *ration, uint64_t now_ns, uint64_t *next_ns);
