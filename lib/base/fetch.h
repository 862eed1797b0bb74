/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

/*
 * Asks for what will be needed: for all of it before any of it is used, so that the waits run side
 * by side. It comes into the second-level cache, because a first-level cache waits for few dozen
 * lines at a time and drops what is asked beyond that.
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
 * Loads it, and so waits for it, side by side with the loads of the rest of a burst. From the last
 * cache that takes up to three times as long as asking (Zen 4). But from memory a line takes so
 * long that the second level, too, drops most of what is asked for in a row; no load is dropped.
 */
static inline void
fetch_surely(const void *object, unsigned lines)
{
	for (unsigned line = 0; line < lines; line++)
		(void)*((const volatile uint8_t *)object + (size_t)line * CACHE_LINE_BYTES);
}
