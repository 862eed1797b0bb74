/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include "gateway.h"
#include "kernel_if.h"

/*
 * Watches the links of the ports: a cable that is pulled is told to the tables, whose groups then
 * use other ways, and takes the carrier of the port's TAP, so that routing daemons see it at once.
 * Drivers differ in whether they can interrupt; asking works with all. Control only.
 */
struct link_watch {
	uint64_t next_look_ns;
};

/* All zeroes is a watch that has not looked yet. */
void link_watch_tick(
	struct link_watch *watch, struct gateway *gw, struct kernel_if *kernel_if, uint64_t now_ns);
