/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include "carrier.h"
#include "clerk.h"
#include "ledger.h"
#include "rendezvous.h"

/*
 * Stands between programs and the control socket: carries their netlink sockets, and for each
 * family keeps a link of its own, which tells whether the gateway is there, and which SAs it has
 * lost when it comes back. One thread, one loop.
 */

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
