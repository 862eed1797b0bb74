/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

/*
 * Whose a route or neighbor is, and of which of the owner's rounds: stands beside what it is about,
 * so that a round makes everything older old without touching any of it. lib/control/owner.h gives
 * the numbers out and says what they mean. Control only.
 */
enum {
	OWNER_NOBODY, /* what a message without BEGIN set, or what was learned: the tables' own */
	OWNER_CONFIGURATION,
	OWNER_FIRST, /* of those that have names */
};

struct claim {
	uint32_t round;
	uint8_t owner;
};
