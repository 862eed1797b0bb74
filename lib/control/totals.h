/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include "counters.h"
#include "gateway.h"

/* The workers' counters, and the control core's own drops, added up. Values move while they are
 * read; each one is whole. Control only.
 */

uint64_t totals_drop(const struct gateway *gw, enum drop_reason reason);
void totals_port(const struct gateway *gw, unsigned port, struct port_counters *total);
/* All drops of one worker. */
uint64_t totals_worker_drops(const struct worker_counters *counters);
