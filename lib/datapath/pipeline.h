/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "worker.h"

/* A packet's way, stage by stage, for the frames that rx took into worker->ip; leaves it empty.
 * Worker only. */
void pipeline_frames(struct worker *worker);
/* The same for what the kernel sends through tunnels and what waited for an SA; returns the number
 * of packets. */
unsigned pipeline_injected(struct worker *worker);
/* And for pieces of packets that waited too long for the others. */
void pipeline_overdue(struct worker *worker);
