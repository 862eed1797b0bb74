/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "drops.h"
#include "tunnel.h"

/* Building a tunnel's encap from its SA, the routes and the neighbors. Control only. */

struct gateway;

/*
 * Writes the whole of `encap` for tunnel->out. Where there is nothing to send on (out is NULL),
 * `drop` says why; where the way to the remote end is missing, this function finds the reason. Sets
 * tunnel->via.
 */
void encap_build(const struct gateway *gw, struct tunnel *tunnel, enum drop_reason drop,
	struct encap *encap);
