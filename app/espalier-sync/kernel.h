/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "feed.h"
#include "loop.h"

/*
 * The kernel's routes of one table: a listing, then its events. One socket gets both, so that they
 * come in order. Whatever the kernel does without telling (routes that go with an interface, an
 * address or a nexthop object), and whatever it tells while we have no room for it (ENOBUFS), is
 * found by listing all again; meanwhile routes stay as they are.
 */

enum kernel_stage {
	KERNEL_NEXTHOPS, /* lists nexthop objects, */
	KERNEL_ROUTES,   /* then routes, */
	KERNEL_FOLLOWS,  /* and follows events, as it does all the time */
};

struct kernel {
	struct feed *feed;
	uint32_t table;
	struct watcher watcher;
	enum kernel_stage stage;
	uint32_t sequence;    /* of the listing that runs */
	bool interrupted;     /* that listing is not one of a single moment */
	bool lost_some;       /* since all was well, as was logged */
	uint64_t started_ns;  /* when it began */
	uint64_t again_ns;    /* when to list again; NEVER_NS: no need */
	uint64_t earliest_ns; /* and not before */
};

/*
 * Begins to listen and to list, in the network namespace of the calling thread, into the rib of
 * `feed`. `receive_bytes` is the room for what we have not read yet. 0 or -errno, said.
 */
int kernel_open(struct kernel *kernel, struct loop *loop, struct feed *feed, uint32_t table,
	int receive_bytes);
void kernel_close(struct kernel *kernel, struct loop *loop);
/* Does what is due. Returns when something will be next. */
uint64_t kernel_tend(struct kernel *kernel, uint64_t now_ns);
