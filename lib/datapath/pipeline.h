/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "worker.h"

/* A packet's way, stage by stage. Worker only. Takes over n <= BURST_PKTS frames. */
void pipeline_frames(struct worker *worker, struct rte_mbuf *pkt[], unsigned n);
/* The same for what the kernel sends through tunnels and what waited for an SA; returns the number
 * of packets. */
unsigned pipeline_injected(struct worker *worker);
/* And for pieces of packets that waited too long for the others. */
void pipeline_overdue(struct worker *worker);
