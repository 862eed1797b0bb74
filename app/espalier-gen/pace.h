/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

/*
 * When the next packets of a stream are due. What could not be sent in time is not sent later in
 * one heap: it is counted as missed, so that whoever reads the figures sees that the rate was not
 * reached.
 */

struct pace {
	double per_cycle; /* packets; 0: as many as go */
	double ramp;      /* cycles over which the rate rises from nothing */
	uint64_t start;   /* time stamp counter; 0: it has not begun */
	uint64_t handed;  /* packets that were due so far, sent or missed */
	uint64_t missed;
};

/* Packets to send now, at most `most`. */
static inline unsigned
pace_due(struct pace *pace, uint64_t now, unsigned most)
{
	double passed, target;
	uint64_t due;

	if (pace->per_cycle == 0)
		return most;
	if (pace->start == 0)
		pace->start = now;
	passed = (double)(now - pace->start);
	if (passed < pace->ramp)
		target = passed * passed / (2 * pace->ramp);
	else
		target = passed - pace->ramp / 2;
	due = (uint64_t)(target * pace->per_cycle) + 1 - pace->handed;
	if (due > 4 * (uint64_t)most) {
		pace->missed += due - most;
		pace->handed += due - most;
		due = most;
	}
	if (due > most)
		due = most;
	pace->handed += due;
	return (unsigned)due;
}
