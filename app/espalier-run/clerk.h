/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "link.h"

/*
 * The broker's own link of a family: tells whether the gateway is there, and when it comes back
 * without what was installed, installs standing policies again, asks for every SA, and tells
 * programs of those that are gone.
 */

struct broker;

struct clerk {
	struct link link; /* first: the link's owner is found by it */
	struct broker *broker;
	bool complained;   /* of what waiting does not mend */
	bool lost;         /* it was up, and went */
	unsigned restores; /* of policies, on their way */
	unsigned checks;   /* of SAs, on their way, behind those */
	unsigned missing;  /* SAs found gone since it came back */
	uint64_t slow_ns;  /* since when a program is too slow to be told of more; 0: none is */
	bool waits;        /* for that one: the answers to its checks are not read */
};

/* Begins with the first clerk_tend(). What the clerk is of must outlive it. */
void clerk_open(struct clerk *clerk, struct broker *broker, uint32_t family);
/* Does what is due by the clock. */
void clerk_tend(struct clerk *clerk, uint64_t now_ns);

/*
 * Policies come back from what was known before the outage: a program that deletes one meanwhile
 * must not be served before that is done, or the policy would come back after it was deleted.
 */
bool clerk_serves_first(const struct clerk *clerk);

/*
 * Thousands of SAs may be lost at once, more than a program's outbox holds. Who is never told of
 * one keeps it for ever, so the next answers wait until the slowest has taken the last. Sets
 * `waits`.
 */
void clerk_pace(struct clerk *clerk, uint64_t now_ns);

/* Is its family one of those that are carried? */
static inline bool
clerk_carries(const struct clerk *clerk)
{
	return clerk->broker != NULL;
}
