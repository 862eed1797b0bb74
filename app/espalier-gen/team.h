/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "worker.h"

/* All workers: who sends, who receives, and what. Control. */

struct team {
	struct worker *worker; /* cache-aligned */
	unsigned n, n_senders, n_receivers, queues;
	struct rte_ring *answers;
	_Atomic bool go, stop;
	bool running;
};

/* What the workers work on; all of it outlives them. */
struct team_needs {
	const struct options *options;
	struct wires *wires;
	const struct peers *peers;
	struct flows *flows;
	struct streams *streams;
};

/* Decides the roles of EAL's worker lcores, before ports and memory. 0 or -EINVAL, said why. */
int team_plan(struct team *team, const struct options *options);
/* 0 or -errno, said why. */
int team_create(struct team *team, const struct team_needs *needs);
void team_destroy(struct team *team);

/* Begins a trial: whoever receives first, so that nothing is sent to queues that nobody polls yet.
 * team_end() ends it. */
void team_begin(struct team *team, uint32_t id, double seconds);
void team_end(struct team *team);

/* Have all senders sent what they should? */
bool team_sent_all(const struct team *team);
