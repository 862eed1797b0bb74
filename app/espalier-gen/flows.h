/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_spinlock.h>

#include "atlas.h"
#include "compiler.h"
#include "options.h"
#include "peers.h"
#include "replay.h"

/* The flows of a run: made at start from the file's routes, or from --local and --remote. */

/* Packets of a flow that the far end remembers, to tell late ones from those that come twice. */
#define FLOW_MEMORY 256

#define NO_PEER UINT32_MAX

/* Const after flows_create(). */
struct flow {
	rte_be32_t src, dst;
	rte_be16_t sport, dport;
	uint8_t direction;
	uint8_t from, to;                 /* the gateway's ports where it enters and leaves */
	uint32_t peer;                    /* IN: whose; OUT: the gateway decides */
	const struct config_route *route; /* OUT: whose next hops may carry it; NULL: any tunnel */
};

/* What the far end saw of a flow. Under the lock. */
struct flow_seen {
	CACHE_ALIGNED rte_spinlock_t lock;
	uint32_t peer; /* by which it came last; NO_PEER: none yet */
	struct replay window;
};

struct flows {
	struct flow *flow;
	uint32_t n;
	uint32_t *sent; /* last sequence used, by flow; written by the flow's sender */
	uint8_t *seen;  /* struct flow_seen by flow, in steps of `seen_bytes` */
	size_t seen_bytes;
};

/* 0, -ENOMEM, or -EINVAL where the file and the options leave no flow; said why. */
int flows_create(struct flows *flows, const struct config *config, const struct atlas *atlas,
	const struct peers *peers, const struct options *options);
void flows_destroy(struct flows *flows);

/* Everything as if nothing had been sent. Control, while no worker runs. */
void flows_reset(struct flows *flows);

static inline struct flow_seen *
flows_seen(const struct flows *flows, uint32_t number)
{
	return (struct flow_seen *)(flows->seen + number * flows->seen_bytes);
}
