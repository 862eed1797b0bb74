/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "netlink.h"

/*
 * The standing policies that programs have installed through us: those whose templates name no SA,
 * as traps and inbound ones do not. A gateway that starts anew has lost them, and nothing would
 * bring a trap back; policies that name an SA come back with its successor. Policies hold no keys.
 */

struct standing_policy;

struct standing {
	struct standing_policy *policies; /* a hash table; NULL: empty */
};

void standing_clear(struct standing *standing);
/* A request that the gateway has carried out. */
void standing_note_done(struct standing *standing, const struct netlink_message *request);
/* The body of a DELPOLICY whose policy the gateway does not have. */
void standing_note_absent(struct standing *standing, struct netlink_span body);
/* A message that the gateway sent by itself. */
void standing_note_event(struct standing *standing, const struct netlink_message *event);

/* Walks all policies; NULL before the first and behind the last. */
const struct standing_policy *
standing_next(const struct standing *standing, const struct standing_policy *policy);
/* Writes the UPDPOLICY that installs it whether it is there or not. 0 or -EMSGSIZE. */
int standing_write(const struct standing_policy *policy, struct netlink_writer *writer);
