/* SPDX-License-Identifier: BSD-3-Clause */
#include "ration.h"

#include "clock.h"

#define SAID_PER_WINDOW 5
#define WINDOW_NS (10 * SECOND_NS)

bool
ration_take(struct ration *ration)
{
	if (ration->window_ends_ns == 0)
		*ration = (struct ration) { .window_ends_ns = clock_now_ns() + WINDOW_NS };
	if (ration->said == SAID_PER_WINDOW) {
		ration->unsaid++;
		return false;
	}
	ration->said++;
	return true;
}

uint32_t
ration_tend(struct ration *ration, uint64_t now_ns, uint64_t *next_ns)
{
	*next_ns = ration->window_ends_ns == 0 ? NEVER_NS : ration->window_ends_ns;
	if (now_ns < *next_ns)
		return 0;
	ration->window_ends_ns = 0;
	*next_ns = NEVER_NS;
	return ration->unsaid;
}
