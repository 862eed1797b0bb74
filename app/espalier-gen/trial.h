/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <signal.h>

#include "outcome.h"

/* One trial: send for a while, wait for the last packets, add up. Control. */

struct trial {
	struct stream_order order; /* how fast, how many */
	double seconds;
	enum { TRIAL_SILENT, TRIAL_TELLS } voice; /* a line on standard error each second */
};

struct range {
	struct team *team;
	struct team_needs needs;
	uint32_t next_id;
	const volatile sig_atomic_t *interrupted;
};

/*
 * Runs it. Flows begin anew; ESP sequence numbers go on, since the gateway remembers them. False:
 * out of memory. An interrupted trial ends early and is added up like any other.
 */
bool trial_run(struct range *range, const struct trial *trial, struct outcome *outcome);
