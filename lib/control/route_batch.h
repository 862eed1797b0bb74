/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "netlink.h"
#include "route.h"

/*
 * The route changes of one datagram, gathered so that readers see all of them or none, and two
 * grace periods pay for all. Each message is judged by the routes as those before it will leave
 * them. Control only; empty between datagrams.
 */

#define ROUTE_BATCH_MAX 1024
#define ROUTE_BATCH_PLACES 2048 /* a power of two, at most half full */

struct route_batch {
	uint32_t n;
	struct route_change changes[ROUTE_BATCH_MAX];
	struct netlink_message requests[ROUTE_BATCH_MAX]; /* their bodies are still there */
	uint16_t places[ROUTE_BATCH_PLACES]; /* by prefix: its last change + 1; 0: none */
};

/* The last change of a prefix, or NULL. */
const struct route_change *route_batch_find(const struct route_batch *batch, struct prefix prefix);

/* Adds a change, which the caller has found right. There is room: see ROUTE_BATCH_MAX. */
void route_batch_add(struct route_batch *batch, const struct route_change *change,
	const struct netlink_message *request);

/* The request that a change came with, or NULL where it is not of this batch. */
const struct netlink_message *
route_batch_request(const struct route_batch *batch, const struct route_change *change);

/* Makes it empty; the changes have been applied. */
void route_batch_clear(struct route_batch *batch);
