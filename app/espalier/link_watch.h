/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include "gateway.h"
#include "kernel_if.h"
#include "port_link.h"

/*
 * Watches the links of the ports: a cable that is pulled takes the carrier of the port's TAP, so
 * that routing daemons see it at once, stands in the log, and is told to whoever listens for links.
 * Drivers differ in whether they can interrupt; asking works with all. Control only.
 */
struct link_watch {
	enum port_link seen[PORTS_MAX];
	uint64_t next_look_ns;
};

/* All zeroes is a watch that has seen nothing yet. */
void link_watch_tick(
	struct link_watch *watch, struct gateway *gw, struct kernel_if *kernel_if, uint64_t now_ns);
