/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include <rte_mbuf.h>

#include "flows.h"
#include "pace.h"
#include "wires.h"

/*
 * A stream is what one sender puts into one transmit queue in one direction: some of the flows, in
 * turn. Where there are as many tunnels as queues, a tunnel's flows share a queue, so that its ESP
 * sequence numbers leave in order.
 */

struct stream {
	const struct wire *wire;
	uint16_t queue;
	uint8_t direction;
	uint32_t *flows; /* numbers */
	uint32_t n_flows, next;

	/* of the trial: the sender's alone */
	struct pace pace;
	uint64_t limit; /* packets; UINT64_MAX: as time permits */
	uint64_t made;
	unsigned n_waiting; /* made, and not taken by the device yet */
	unsigned first_waiting;
	struct rte_mbuf *waiting[BURST_PKTS];
};

struct streams {
	struct stream *stream;
	unsigned n;
};

/* Deals the flows to `queues` of each port that they enter by. 0, or -ENOMEM, said why. */
int streams_create(struct streams *streams, const struct flows *flows, const struct wires *wires,
	const struct peers *peers, unsigned queues);
void streams_destroy(struct streams *streams);

struct stream_order {
	double rate;      /* packets per second in each direction; 0: as fast as it goes */
	uint64_t packets; /* in each direction; 0: as time permits */
	double ramp_s;
};

/* Makes them ready for a trial. Control, while no worker runs. */
void streams_prepare(struct streams *streams, const struct stream_order *order);

/* Packets that were due and not sent in time. Control. */
uint64_t streams_missed(const struct streams *streams, enum direction direction);

/* Drops what the devices did not take. Control, when the workers have stopped. */
void streams_clear(struct streams *streams);
