/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include "kernel_if_packets.h"

/*
 * Finding out that a tunnel is back which liveness took down. Its TUN has no carrier, groups pass
 * it by, and if the other end gave up in the same way, neither would ever hear the other again. So
 * the peer's inside address is pinged through it, a few times a second: any authenticated packet
 * that comes back, the other's ping for one, is a sign of life. Control only.
 */
struct kernel_probes {
	uint64_t began_ns; /* this round */
	unsigned next;     /* tunnel to be looked at */
	uint16_t sequence;
};

void kernel_probes_tick(
	struct kernel_probes *probes, const struct kernel_packets *packets, uint64_t now_ns);
