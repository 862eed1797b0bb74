/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "rcu.h"

/*
 * The only file that swaps what workers read: build, swap, wait for the grace period, retire,
 * always in this order.
 *
 * A change of many objects swaps each at once and queues the old ones; one publish_flush() then
 * waits once for all of them. Any call may retire what was queued before it (when memory is short
 * it waits at once), so take an object away from all its readers first and queue it last. Control
 * only.
 */

struct publisher;

/* `rcu` stays the caller's. NULL: out of memory. */
struct publisher *publisher_create(struct rcu *rcu);
/* Retires what is still queued; call when no worker runs. */
void publisher_destroy(struct publisher *publisher);

typedef void (*publish_retire_fn)(void *object, void *context);

/*
 * Puts `fresh` (complete; NULL to remove) into the pointer at `slot` with release order, and queues
 * the pointer that stood there, if any, for `retire`. `slot` points to an object pointer of any
 * type.
 */
void publish_swap(struct publisher *publisher, void *slot, const void *fresh,
	publish_retire_fn retire, void *context);

/* Puts `fresh` with release order into a slot that is empty, or that no worker can reach: nothing
 * to wait for. */
void publish_store(void *slot, const void *fresh);

/* Queues an object that workers can no longer reach by a fresh look. */
void
publish_retire(struct publisher *publisher, void *object, publish_retire_fn retire, void *context);

/* Waits for one grace period and runs all that is queued, in order. Cheap when nothing is queued.
 */
void publish_flush(struct publisher *publisher);

/* Waits for a grace period whether or not anything is queued: the turn of a left-right pair. Also
 * retires what is queued. */
void publish_synchronize(struct publisher *publisher);
