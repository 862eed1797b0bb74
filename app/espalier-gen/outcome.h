/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "tally.h"
#include "team.h"

/* What a trial gave: the workers' tallies as one, and what follows from them. Control. */

struct way_outcome {
	uint64_t sent, sent_bytes, accepted, accepted_bytes, lost, missed;
	double offered_pps, accepted_pps, accepted_bps; /* of inner IP packets */
	double loss;                                    /* share of what was sent */
	struct latency latency;                         /* cycles */
};

struct outcome {
	struct way_outcome way[DIRECTION_COUNT];
	uint64_t faults[FAULT_COUNT];
	uint64_t foreign, icmp_error, arp;
	struct esp_order order; /* of all SAs */
	uint64_t *by_peer;
	unsigned n_peers;
	double seconds;            /* of sending */
	const struct stream *dead; /* took nothing at all; NULL: none */
};

/* Adds up a team's tallies after a trial, or while it runs. `outcome` is freed with outcome_free().
 * False: out of memory. */
bool
outcome_gather(struct outcome *outcome, const struct team *team, const struct team_needs *needs);
void outcome_free(struct outcome *outcome);

/* Is it all as it should be: no more lost than --loss, and nothing wrong but what --allow names? */
bool outcome_good(const struct outcome *outcome, const struct options *options);

/* Packets sent and accepted so far, both ways, while the team runs. */
struct progress {
	uint64_t sent[DIRECTION_COUNT], accepted[DIRECTION_COUNT], wrong, last_rx;
};
struct progress outcome_progress(const struct team *team);
