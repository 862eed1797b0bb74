/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

struct port;

/* Has a port a link? As its driver says at this moment, without waiting. Control only. */
enum port_link {
	PORT_LINK_UNKNOWN, /* there is no device, or it cannot tell */
	PORT_LINK_DOWN,
	PORT_LINK_UP,
};

enum port_link port_link(const struct port *port);
