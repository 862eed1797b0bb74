/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>

#include "worker.h"

/*
 * From worker to worker, by ring: a packet goes to the worker that owns its flow or SA, which
 * parses it again. Only needed where a port has fewer queues than there are workers, or where the
 * NIC's spreading of ESP differs from the SA's owner.
 */

/* Passes a packet to another worker, or drops it as handover_full. */
void handover_to(struct worker *worker, unsigned target, struct rte_mbuf *pkt, unsigned port);

/* Who has the flow, where whoever receives spreads. The low bits: ECMP uses the high ones. */
static inline unsigned
handover_owner(const struct gateway *gw, uint32_t flow_hash)
{
	return ((flow_hash & 0xffff) * gw->n_workers) >> 16;
}

/* Is this flow ours? If not, the packet is gone to the worker that has it. */
static inline bool
handover_keep(struct worker *worker, struct rte_mbuf *pkt, unsigned port, uint32_t flow_hash)
{
	unsigned target = handover_owner(worker->gw, flow_hash);

	if (target == worker->id)
		return true;
	handover_to(worker, target, pkt, port);
	return false;
}
