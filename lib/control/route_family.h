/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "session.h"

/*
 * The ROUTE family: rtnetlink as iproute2 and routing daemons speak it with a kernel. Routes and
 * neighbors can be changed, links and addresses looked at. docs/control-socket.md says where it
 * differs from the kernel.
 */
extern const struct family route_family;

struct listener;

/* Has changes of routes, neighbors, tunnels and ports sent to the groups of `listener->context`, a
 * struct session_context. */
void route_family_listen(struct listener *listener);
