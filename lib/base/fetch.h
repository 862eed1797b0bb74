/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

/*
 * Asks for what will be needed: for all of it before any of it is used, so that the waits run side
 * by side. It comes into the second-level cache, because a first-level cache waits for few dozen
 * lines at a time: a Zen 4 drops what is asked beyond that, and loads, which it does not drop, took
 * three times as long.
 */
static inline void
fetch(const void *object)
{
	__builtin_prefetch(object, 0, 2); /* to read, prefetcht1 */
}

/* An object of several cache lines, aligned to one. */
static inline void
fetch_lines(const void *object, unsigned lines)
{
	for (unsigned line = 0; line < lines; line++)
		fetch((const uint8_t *)object + (size_t)line * CACHE_LINE_BYTES);
}

/*
 * Loads it, and so waits for it; loads of a whole burst wait side by side. Where lines come from
 * memory each takes so long that those asked for next find no room and are dropped; loads are not.
 */
static inline void
fetch_surely(const void *object, unsigned lines)
{
	for (unsigned line = 0; line < lines; line++)
		(void)*((const volatile uint8_t *)object + (size_t)line * CACHE_LINE_BYTES);
}
