/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "link.h"
#include "outbox.h"

/*
 * One carried socket: the program's end, a link to the control socket, and what is between. The
 * program's end never closes before the program closes it.
 */

/* For a program that waits in socket(), and for a gateway that has last requests to take. */
#define CARRIER_PATIENCE_NS (10 * SECOND_NS)

struct ledger;

enum carrier_state {
	CARRIER_KNOCKING, /* no order yet */
	CARRIER_OPENING,  /* socket() waits in the program */
	CARRIER_OPEN,
	CARRIER_LEFT, /* by the program; its last requests are still on their way */
};

struct carrier {
	struct link link; /* first: the link's owner is found by it */
	struct carrier *next, *prev;
	struct ledger *ledger;
	int fd; /* the program's; owned */
	enum carrier_state state;
	uint64_t due_ns;      /* opening, left, or full and left: when patience ends */
	struct outbox outbox; /* what the program has not taken */
	bool loses;           /* messages, since it was empty last; said so */
	bool missed; /* events, while the link was down; to be told when groups are joined */
};

/* Takes over the program's end. NULL: no memory, and it is closed. */
struct carrier *
carrier_create(int fd, const struct server *server, uint32_t family, struct ledger *ledger);
void carrier_destroy(struct carrier *carrier);

/* Takes one datagram of the program. */
void carrier_receive(struct carrier *carrier, uint64_t now_ns);
/* Does what is due by the clock. False: it is through, destroy it. */
bool carrier_tend(struct carrier *carrier, uint64_t now_ns);
/* Gives the program a datagram, now or when it reads. */
void carrier_deliver(struct carrier *carrier, const void *datagram, size_t bytes);

/* The poll events that its two ends wait for; 0: leave that end alone. A program that does not read
 * gets the server held up, one that floods is held up itself. */
short carrier_program_events(const struct carrier *carrier);
short carrier_link_events(const struct carrier *carrier);
/* Do so many requests wait that the program is held up? What it does then only the clock tells. */
bool carrier_is_full(const struct carrier *carrier);
/* Does the program lag so far behind that it should not be told of more? */
bool carrier_is_slow(const struct carrier *carrier);
