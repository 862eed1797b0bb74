/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

/*
 * Objects by place: each keeps its own as long as it is there, so that a listing can go on where it
 * stopped, whatever came and went meanwhile. All zeroes is one without objects. One thread.
 */

struct slots {
	void **objects; /* NULL: the place is free */
	uint32_t *free; /* places, a stack */
	uint32_t n, n_free;
};

/* Frees the places, not the objects. */
void slots_destroy(struct slots *slots);

/* Sees to it that slots_put() finds a free place. 0, or -ENOMEM with nothing changed. */
int slots_reserve(struct slots *slots);
/* Returns the object's place. */
uint32_t slots_put(struct slots *slots, void *object);
void slots_remove(struct slots *slots, uint32_t place);

/* How many objects there are. */
uint32_t slots_count(const struct slots *slots);
/* The next object from the place `*cursor` on, which moves behind it; NULL at the end. */
void *slots_next(const struct slots *slots, uint32_t *cursor);
