/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Which tunnel a message means, and which addresses are ours: the configuration's tunnels and ports
 * in order, so that a client with many SAs is not asked to wait. Control only.
 */

struct gateway;
struct tunnel;
struct xfrm_tunnels;

/* NULL: out of memory. The tunnels stay the gateway's. */
struct xfrm_tunnels *xfrm_tunnels_create(const struct gateway *gw);
void xfrm_tunnels_destroy(struct xfrm_tunnels *tunnels);

/* Is the address one of a port's, or a tunnel's local one? */
bool xfrm_tunnels_is_ours(const struct xfrm_tunnels *tunnels, uint32_t address);

/* The tunnel of that if_id, or NULL. */
struct tunnel *xfrm_tunnels_by_if_id(const struct xfrm_tunnels *tunnels, uint32_t if_id);

/* The tunnels between two addresses, or, where none names that remote end, those with any: none,
 * one, or more than one, and in `tunnel` one of them. */
unsigned xfrm_tunnels_between(const struct xfrm_tunnels *tunnels, uint32_t local, uint32_t remote,
	struct tunnel **tunnel);
