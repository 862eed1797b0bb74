/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "ecmp.h"
#include "sizes.h"
#include "neighbor.h"

/*
 * Next hops: what a route points to. Interned: routes with the same next hops share one object,
 * named by a small integer that the LPM stores. Objects are const after publish and replaced whole;
 * slots are reused only after a grace period.
 */

#define NEXTHOP_NONE 0 /* the LPM's default: no route. Slot 0 is a drop with DROP_no_route. */
#define NEXTHOPS_MAX (1u << 18)

enum nexthop_kind {
	NEXTHOP_DROP,    /* `reason` says why */
	NEXTHOP_LOCAL,   /* one of our addresses */
	NEXTHOP_ONLINK,  /* directly attached: the destination itself is the neighbor */
	NEXTHOP_GATEWAY, /* through `neighbor` */
	NEXTHOP_TUNNEL,
	NEXTHOP_GROUP, /* several of the above: `group` */
};

struct nexthop {
	/* const after publish */
	uint8_t kind;    /* enum nexthop_kind */
	uint8_t port;    /* ONLINK, GATEWAY */
	uint8_t reason;  /* DROP: enum drop_reason */
	uint8_t turns;   /* GROUP: bucket b is that of leaf b % turns, and nobody need look into
			    its table; 0: look */
	uint16_t tunnel; /* TUNNEL: index */
	uint16_t turn;   /* GROUP: 65536 / turns, rounded up: to divide by multiplying */
	union {
		const struct neighbor *neighbor; /* GATEWAY */
		/* GROUP; belongs to this object. Its members are ids of leaves, never groups, and
		 * copies of those stand right behind this object, in the order of the members:
		 * with three of them all is one cache line. */
		const struct ecmp_table *group;
	};
};

/* One way, as a configuration file or a message names it. */
struct nexthop_spec {
	uint8_t kind; /* DROP, LOCAL, ONLINK, GATEWAY or TUNNEL */
	uint8_t port;
	uint16_t tunnel;
	uint16_t weight;  /* from 1; a duplicate in one list adds its own; at most 256 for each of
			     GROUP_MEMBERS_MAX */
	uint8_t reason;   /* DROP: DROP_blackhole, DROP_unreachable or DROP_prohibited */
	uint32_t gateway; /* GATEWAY: host order */
};

struct gateway;
struct nexthop_table;

struct nexthop_table *nexthop_table_create(void);
void nexthop_table_destroy(struct nexthop_table *table);

/*
 * The id of a list of ways, made or shared; takes a reference. One way: a leaf; more: a group in a
 * canonical order (so that the order of a list does not matter). `inherit` is the id that the same
 * route had before, or NEXTHOP_NONE: a new group takes over its buckets. Control only. Returns the
 * id (> 0), -EINVAL, -ENOSPC (NEXTHOPS_MAX) or -ENOMEM.
 */
int nexthop_acquire(
	struct gateway *gw, const struct nexthop_spec specs[], unsigned n, uint32_t inherit);
/* Drops a reference. The last one's object is retired after a grace period, so call it after the
 * LPM change is published. Control only. */
void nexthop_release(struct gateway *gw, uint32_t id);

/* Lists the ways of an id with their summed weights; at most GROUP_MEMBERS_MAX. Returns their
 * number. Control only. */
unsigned nexthop_specs(const struct gateway *gw, uint32_t id, struct nexthop_spec specs[]);

/* A tunnel went up or down: rebuilds the active buckets of every group that holds it, and publishes
 * each once. Control only. */
void nexthop_tunnel_changed(struct gateway *gw, uint16_t tunnel);
/* Where many tunnels, or ports, change at a time, what is between these two, each group of theirs
 * is rebuilt once, at the end: else flows would go through all that is halfway. */
void nexthop_gather(struct gateway *gw);
void nexthop_gathered(struct gateway *gw);

/* Slots, for workers; index with a next hop id. */
struct nexthop_slots {
	const struct nexthop *slot[NEXTHOPS_MAX];
};
const struct nexthop_slots *nexthop_slots(const struct nexthop_table *table);

/* Worker, within its online time; control too. */
static inline const struct nexthop *
nexthop_read(const struct nexthop_slots *slots, uint32_t id)
{
	return __atomic_load_n(&slots->slot[id], __ATOMIC_ACQUIRE);
}

_Static_assert(ECMP_BUCKETS *GROUP_MEMBERS_MAX < 65536, "nexthop_leaf() divides exactly");

/* The leaf that serves a group's bucket. The same. */
static inline const struct nexthop *
nexthop_leaf(const struct nexthop *group, uint32_t bucket)
{
	/* Exact: what the rounding up adds to the quotient is less than 1 / turns. */
	if (likely(group->turns > 0))
		return group + 1 + (bucket - (bucket * group->turn >> 16) * group->turns);
	return group + 1 + group->group->active[bucket];
}

/* Its id. */
static inline uint32_t
nexthop_leaf_id(const struct nexthop *group, uint32_t bucket)
{
	return group->group->members[group->group->active[bucket]].id;
}
