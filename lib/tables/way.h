/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "nexthop.h"

/*
 * One way of a next hop in canonical form, the unit of content that next hops are interned by.
 * Nothing in it depends on when something was made, so a configuration gives the same order, and
 * with it the same buckets, at every start. Control only.
 */

struct gateway;

struct way {
	uint64_t what; /* kind, port or reason, tunnel and gateway side by side */
	uint64_t weight;
};

/* Brings a list into canonical form: sorted by `what`, each once, with the weights of duplicates
 * added. Returns the number of ways, or -EINVAL for a list that makes no sense. What
 * nexthop_specs() gives makes sense. */
int way_canonicalize(const struct gateway *gw, const struct nexthop_spec specs[], unsigned n,
	struct way ways[GROUP_MEMBERS_MAX]);

/* Do both go the same way, whatever their weights? */
bool way_same(const struct nexthop_spec *a, const struct nexthop_spec *b);

/* Does it take its share of a group now? */
bool way_usable(const struct gateway *gw, const struct nexthop_spec *way);

/* The way as it was asked for. */
struct nexthop_spec way_decode(struct way way);
