/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stddef.h>

/* An array that grows at its end, and leaves nothing behind where it was: a piece of a key may be
 * in it. All zero is an empty one. */
struct array {
	void *items;
	size_t n, room;
};

/* Adds n elements of that size, not initialised, and returns the first; earlier pointers into the
 * array end. NULL: out of memory. */
void *array_add(struct array *array, size_t n, size_t element_bytes);

/* Wipes and frees the elements; `n` stays. */
void array_free(struct array *array, size_t element_bytes);
