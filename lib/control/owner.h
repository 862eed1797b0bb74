/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "claim.h"
#include "netlink.h"

/*
 * Owners of routes and neighbors: programs that keep a whole set of them and say it anew, in
 * rounds, when they cannot know what became of it. A round begins: all that the owner had is old.
 * What he sets again is new, whether it changed or not. The round ends: what is still old goes.
 *
 * An owner has a name, and at most one session that speaks for him: the last that began a round.
 * Control only.
 */

#define OWNER_NAME_BYTES 32 /* with its zero */
#define OWNERS_MAX 32

struct session;

struct owner {
	char name[OWNER_NAME_BYTES];
	const struct session *speaker; /* NULL: nobody speaks for him now */
	unsigned sessions;             /* his; those for whom another speaks now, too */
	uint32_t round;                /* his last */
	bool open;                     /* it has not ended */
};

/* All zeroes: there are none. */
struct owners {
	unsigned n;
	/* claim.owner - OWNER_FIRST. One who has no session and nothing left makes room for another
	 * when all places are taken. */
	struct owner list[OWNERS_MAX];
};

/* The session begins a round of that owner, and speaks for him from now on. 0 or -errno in words.
 */
int owner_begin(struct session *session, const char *name, struct netlink_refusal *why);
/* Ends the session's round: what is old now may be swept. 0 or -errno in words. */
int owner_end(struct session *session, struct netlink_refusal *why);
/* The session goes, and takes nothing along. */
void owner_leave(struct session *session);

/* May the session change routes and neighbors? Not when another speaks for its owner. 0 or -errno
 * in words. */
int owner_check(const struct session *session, struct netlink_refusal *why);
/* What stands on what the session sets. */
struct claim owner_claim(const struct session *session);
/* Is it the session's owner's, and of an earlier round? */
bool owner_is_old(const struct session *session, struct claim claim);
/* May the session's owner, if it has one, not touch this? It is another's, or nobody's. */
bool owner_is_foreign(const struct session *session, struct claim claim);
/* NULL where nobody has a claim. */
const char *owner_name(const struct owners *owners, struct claim claim);
