/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "tunnel.h"

/*
 * The tunnels in the order of their outer destinations, so that a route finds those it concerns by
 * bisection: tunnel_refresh_towards(). Destinations change only with SAs whose peer moved or was
 * not fixed. Control only.
 */

struct tunnel_order;

/* Of the tunnels that the gateway has now. NULL: out of memory. */
struct tunnel_order *tunnel_order_create(const struct gateway *gw);
void tunnel_order_destroy(struct tunnel_order *order);
/* A destination changed. */
void tunnel_order_changed(struct tunnel_order *order);
