/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_ring.h>

#include "check.h"
#include "crypto.h"
#include "esp.h"
#include "streams.h"

/* One lcore that sends, receives, or does both. */

#define IV_MEMORY 65536 /* IVs that a receiver remembers, at least when they are new */

struct rx_queue {
	struct wire *wire;
	uint16_t queue;
	uint8_t port; /* of the gateway */
};

struct worker {
	/* const while it runs */
	const struct peers *peers;
	const struct flows *flows;
	const struct options *options;
	const struct wires *wires;
	struct crypto *crypto;
	struct stream **streams; /* to send, */
	unsigned n_streams;
	struct rx_queue *queues; /* and to receive */
	unsigned n_queues;
	struct rte_ring *answers; /* ARP, from receivers to the one sender that has `answers` */
	bool sends_answers;
	unsigned lcore;

	/* of the trial */
	struct checker checker;
	uint64_t send_cycles;          /* how long it sends, from its first turn with `go` on */
	uint64_t send_until;           /* 0: it has not begun */
	_Atomic bool polls;            /* worker writes: it has been at its queues, */
	_Atomic bool sent_all;         /* and has sent what it should */
	const _Atomic bool *go, *stop; /* control writes */

	uint64_t *ivs; /* digests of those seen lately, NULL where it does not receive */
	struct tally tally;
};

/* Polls until told to stop. For rte_eal_remote_launch(). */
int worker_run(void *worker);

/* The two halves of a turn; see send.c and receive.c. */
void send_turn(struct worker *worker);
void receive_turn(struct worker *worker);
