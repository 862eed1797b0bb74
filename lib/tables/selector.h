/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prefix.h"

/*
 * Traffic selectors of a tunnel (RFC 4301 4.4.1): which inner packets may use it. An empty set
 * passes everything. Local is our side: the source of what goes out, the destination of what comes
 * in.
 */

struct selector {
	struct prefix local;
	struct prefix remote;
};

struct selector_set {
	uint32_t n;
	struct selector selectors[];
};

/* Worker or control. `set` may be NULL or empty: all passes. */
static inline bool
selector_match(const struct selector_set *set, uint32_t local, uint32_t remote)
{
	if (set == NULL || set->n == 0)
		return true;
	for (uint32_t i = 0; i < set->n; i++)
		if (prefix_covers(set->selectors[i].local, local) &&
			prefix_covers(set->selectors[i].remote, remote))
			return true;
	return false;
}
