/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* A group's buckets, resolved to leaves: what workers index with ecmp_bucket(). */
struct nexthop_group {
	struct ecmp_table
		table; /* control's: homes and members; member ids are leaf next hop ids */
	uint32_t leaf[ECMP_BUCKETS]; /* workers': the next hop id of each bucket, never itself a
					group */
};

struct nexthop {
	/* const after publish */
	uint8_t kind;                      /* enum nexthop_kind */
	uint8_t port;                      /* ONLINK, GATEWAY */
	uint8_t reason;                    /* DROP: enum drop_reason */
	uint16_t tunnel;                   /* TUNNEL: index */
	const struct neighbor *neighbor;   /* GATEWAY */
	const struct nexthop_group *group; /* GROUP; belongs to this object */
};

/* One way, as a configuration file or a message names it. */
struct nexthop_spec {
	uint8_t kind; /* DROP, LOCAL, ONLINK, GATEWAY or TUNNEL */
	uint8_t port;
	uint16_t tunnel;
	uint16_t weight;  /* from 1; a duplicate in one list adds its own; at most 256 for each of
			     GROUP_MEMBERS_MAX */
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
