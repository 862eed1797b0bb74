/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

/*
 * Brings what will be needed into near caches: all of it is asked for before any of it is used, so
 * that the waits run side by side. By loads whose value nobody looks at, not by prefetch
 * instructions: those are hints, and a Zen 4 drops most of them where dozens miss in a row.
 */

static inline void
fetch(const void *object)
{
	uint8_t first = *(const uint8_t *)object;

	__asm__("" : : "r"(first)); /* has no output, so that the compiler leaves it where it is */
}

/* An object of several cache lines, aligned to one. */
static inline void
fetch_lines(const void *object, unsigned lines)
{
	for (unsigned line = 0; line < lines; line++)
		fetch((const uint8_t *)object + (size_t)line * CACHE_LINE_BYTES);
}
