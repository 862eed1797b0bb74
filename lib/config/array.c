/* SPDX-License-Identifier: BSD-3-Clause */
#include "array.h"

#include <stdlib.h>

void *
array_add(struct array *array, size_t n, size_t element_bytes)
{
	if (array->n + n > array->room) {
		size_t room = (array->n + n) * 2 + 16;
		void *items = reallocarray(array->items, room, element_bytes);
		if (items == NULL)
			return NULL;
		array->items = items;
		array->room = room;
	}
	void *first = (char *)array->items + array->n * element_bytes;
	array->n += n;
	return first;
}
