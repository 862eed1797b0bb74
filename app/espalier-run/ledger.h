/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "netlink.h"
#include "standing.h"

/*
 * The SAs that programs have installed through us, without their keys: what a gateway that starts
 * anew has lost and no daemon would notice.
 */

struct ledger_entry;

struct ledger {
	struct ledger_entry *entries; /* a hash table; NULL: empty */
	struct standing standing;     /* the policies among what was installed */
};

void ledger_clear(struct ledger *ledger);

/* A request that the gateway has carried out. */
void ledger_note_done(struct ledger *ledger, const struct netlink_message *request);
/* A request whose object the gateway does not have: what was to be deleted is not missed. */
void ledger_note_absent(struct ledger *ledger, const struct netlink_message *request);
/* A message that the gateway sent by itself. */
void ledger_note_event(struct ledger *ledger, const struct netlink_message *event);

/* Walks all entries; NULL before the first and behind the last. */
const struct ledger_entry *
ledger_next(const struct ledger *ledger, const struct ledger_entry *entry);

/* Writes the GETSA that asks whether the entry's SA is still there. 0 or -EMSGSIZE. */
int ledger_write_check(const struct ledger_entry *entry, struct netlink_writer *writer);

/*
 * The SA that such a GETSA asked for is gone: forgets it and writes the hard EXPIRE that says so.
 * 0, -ENOENT (it was deleted meanwhile) or -EMSGSIZE.
 */
int ledger_write_expire(
	struct ledger *ledger, const struct netlink_message *check, struct netlink_writer *writer);
