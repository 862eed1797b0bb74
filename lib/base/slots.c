/* SPDX-License-Identifier: BSD-3-Clause */
#include "slots.h"

#include <errno.h>
#include <stdlib.h>

#define SLOTS_MIN 64

void
slots_destroy(struct slots *slots)
{
	free(slots->objects);
	free(slots->free);
	*slots = (struct slots) { 0 };
}

int
slots_reserve(struct slots *slots)
{
	uint32_t n = slots->n == 0 ? SLOTS_MIN : 2 * slots->n;

	if (slots->n_free > 0)
		return 0;
	void **objects = realloc(slots->objects, n * sizeof(objects[0]));
	if (objects == NULL)
		return -ENOMEM;
	slots->objects = objects;
	uint32_t *free_places = realloc(slots->free, n * sizeof(free_places[0]));
	if (free_places == NULL)
		return -ENOMEM;
	slots->free = free_places;
	/* The lowest place is taken first. */
	for (uint32_t place = n; place-- > slots->n;) {
		objects[place] = NULL;
		free_places[slots->n_free++] = place;
	}
	slots->n = n;
	return 0;
}

uint32_t
slots_put(struct slots *slots, void *object)
{
	uint32_t place = slots->free[--slots->n_free];

	slots->objects[place] = object;
	return place;
}

void
slots_remove(struct slots *slots, uint32_t place)
{
	slots->objects[place] = NULL;
	slots->free[slots->n_free++] = place;
}

uint32_t
slots_count(const struct slots *slots)
{
	return slots->n - slots->n_free;
}

void *
slots_next(const struct slots *slots, uint32_t *cursor)
{
	while (*cursor < slots->n) {
		void *object = slots->objects[(*cursor)++];

		if (object != NULL)
			return object;
	}
	return NULL;
}
