/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>

#include "worker.h"

/*
 * With many tunnels, what a burst needs of them lies in far caches, each a load that waits for the
 * one before: encap, SA, key schedule. So it is asked for ahead, for all packets of the burst at
 * once. With few tunnels everything is near, and asking would cost more than it gives.
 */

#define TUNNELS_NEAR 192

/* So many are a megabyte: more than a second-level cache has. What lies farther away takes so long
 * that most of what is asked for in a row is dropped. */
#define TUNNELS_NEAR_ENOUGH 2000

static inline bool
warm_pays(const struct worker *worker)
{
	return worker->gw->n_tunnels > TUNNELS_NEAR;
}

/* Is asking not enough? */
static inline bool
warm_waits(const struct worker *worker)
{
	return worker->gw->n_tunnels > TUNNELS_NEAR_ENOUGH;
}

/* What worker->ip needs to be forwarded, once it has been looked up. Worker. */
void warm_nexthops(struct worker *worker);
/* What worker->tunnel needs to be admitted, wrapped and sealed. Worker. */
void warm_tunnels(struct worker *worker);
/* What these SAs need to check, verify and decrypt; NULL where there is none. Worker. */
void warm_sas(struct worker *worker, struct sa *const sa[], unsigned n);
