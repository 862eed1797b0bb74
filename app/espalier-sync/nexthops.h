/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "learned.h"

/* Nexthop objects of one source, by their ids: what its routes mean by RTA_NH_ID. */

struct nexthop_object;

struct nexthops {
	struct nexthop_object *all;
	uint32_t round;
	bool changed; /* an object that routes may name has changed since nexthops_settle() */
	bool missed;  /* a route names one that is not there */
};

/* Nothing is left; it may be used again. */
void nexthops_close(struct nexthops *nexthops);

/* False: no memory. */
bool nexthops_set(struct nexthops *nexthops, const struct learned_nexthop *learned);
void nexthops_remove(struct nexthops *nexthops, uint32_t id);

/* As rib_round_begin() and rib_round_end(). */
void nexthops_round_begin(struct nexthops *nexthops);
void nexthops_round_end(struct nexthops *nexthops);

/* When something has changed: asks for each route whether that concerns it, between these two. */
void nexthops_survey(struct nexthops *nexthops);
bool nexthops_concern(struct nexthops *nexthops, uint32_t id);
void nexthops_settle(struct nexthops *nexthops);

enum nexthop_verdict {
	NEXTHOP_WAYS,
	NEXTHOP_BLACKHOLE,
	NEXTHOP_STRANGE, /* encapsulated, or of IPv6 */
	NEXTHOP_UNKNOWN,
};

/* The ways of an object, groups taken apart, at most LEARNED_HOPS_MAX. */
enum nexthop_verdict
nexthops_resolve(struct nexthops *nexthops, uint32_t id, struct hop hops[], unsigned *n);
