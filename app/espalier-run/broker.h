/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include "carrier.h"
#include "ledger.h"
#include "link.h"
#include "rendezvous.h"

/*
 * Stands between programs and the control socket: carries their netlink sockets, and for each
 * family keeps a link of its own, which tells whether the gateway is there, and which SAs it has
 * lost when it comes back. One thread, one loop.
 */

struct broker;

/* The broker's own link of a family. */
struct clerk {
	struct link link; /* first: the link's owner is found by it */
	struct broker *broker;
	bool complained;  /* of what waiting does not mend */
	bool lost;        /* it was up, and went */
	unsigned checks;  /* on their way */
	unsigned missing; /* SAs found gone since it came back */
	uint64_t slow_ns; /* since when a program is too slow to be told of more; 0: none is */
	bool waits;       /* for that one: the answers to its checks are not read */
};

struct broker {
	struct server server;
	struct clerk clerks[RENDEZVOUS_FAMILIES];
	struct rendezvous rendezvous;
	struct carrier *carriers;
	unsigned n_carriers;
	struct ledger ledger;
};

/* Prepares to carry the families (bits 1 << enum rendezvous_family). `path` must outlive it. */
void broker_init(struct broker *broker, const struct server *server, unsigned families);
/* Waits for the control socket to serve each of them, at most `patience_ms`. 0, or -1 and said. */
int broker_wait(struct broker *broker, int patience_ms);
/* Opens the sockets that programs will come to. 0, or -1 and said. */
int broker_listen(struct broker *broker);
/* Works until `wake_fd` can be read, or something was done. */
void broker_turn(struct broker *broker, int wake_fd);
/* Has it nothing left to carry? */
bool broker_idle(const struct broker *broker);
void broker_close(struct broker *broker);
