/* SPDX-License-Identifier: BSD-3-Clause */
#include "array.h"

#include <stdlib.h>
#include <string.h>

void *
array_add(struct array *array, size_t n, size_t element_bytes)
{
	if (array->n + n > array->room) {
		size_t room = (array->n + n) * 2 + 16;
		void *items = reallocarray(NULL, room, element_bytes);
		if (items == NULL)
			return NULL;
		if (array->n > 0)
			memcpy(items, array->items, array->n * element_bytes);
		array_free(array, element_bytes);
		array->items = items;
		array->room = room;
	}
	void *first = (char *)array->items + array->n * element_bytes;
	array->n += n;
	return first;
}

void
array_free(struct array *array, size_t element_bytes)
{
	if (array->items != NULL)
		explicit_bzero(array->items, array->room * element_bytes);
	free(array->items);
	array->items = NULL;
	array->room = 0;
}
