/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include "prefix.h"

/* Different prefixes in random order, of lengths as the Internet's table has them, all in 20.0.0.0
 * to 147.255.255.255; the same for the same seed. The caller frees them. NULL: out of memory. */
struct prefix *route_prefixes_make(uint32_t n_routes, uint64_t seed, unsigned percent_long);
