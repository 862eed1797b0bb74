/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include "sa.h"

/* Lifetimes of an SA: the limits that workers keep to, and what the clock and the counters say.
 * Control only. */

/* The last number that an SA may send. */
uint64_t lifetime_last_sequence(bool esn);

/* Sets the limits for workers from the SA's lifetime, its past and where its numbers began. Also
 * while workers use the SA. */
void lifetime_set_limits(struct sa *sa);

/* Sets the SA's clocks so that they count on from its past. lifetime_set_limits() is due when
 * sa->record->past is right: workers may use the SA. */
void lifetime_set_past(struct sa *sa, const struct sa_past *past, uint64_t now_ns);

struct lifetime_verdict {
	const char
		*ran_out; /* what reached a hard limit, in words for the log; NULL: nothing did */
	bool soft;        /* a soft limit is reached */
	uint64_t look_ns; /* CLOCK_MONOTONIC: before that no limit can be reached, however fast
			     packets come */
};

/* What its limits leave an SA, hard ones and soft ones, and how old it is. */
struct lifetime_view {
	uint64_t age_seconds;
	struct sa_lifetime hard_left, soft_left; /* UINT64_MAX: without limit; 0: it ran out */
};

struct lifetime_view lifetime_view(const struct sa *sa, uint64_t now_ns);

/* Looks at clock and counters; notes the first use. */
struct lifetime_verdict lifetime_judge(struct sa *sa, uint64_t now_ns);
