/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stddef.h>

/* An array that grows at its end. All zero is an empty one; free(items) ends it. */
struct array {
	void *items;
	size_t n, room;
};

/* Adds n elements of that size, not initialised, and returns the first; earlier pointers into the
 * array end. NULL: out of memory. */
void *array_add(struct array *array, size_t n, size_t element_bytes);
