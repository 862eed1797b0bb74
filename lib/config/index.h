/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Things by a key (a name, an address, a number): finds them, and what is there twice. */

struct index_entry;

/* All zero is an empty one. */
struct index {
	struct index_entry *head;
	bool out_of_memory; /* an entry is missing */
};

struct index_value {
	unsigned line;   /* of the text, where it is */
	unsigned number; /* whatever the caller knows it by */
};

/* Bytes that name an entry; they stay the caller's. */
struct index_key {
	const void *bytes;
	size_t n;
};

/* Adds an entry, unless one with that key is there already: then that one's value, else NULL. The
 * key is copied. */
const struct index_value *
index_add(struct index *index, const void *key, size_t key_bytes, struct index_value value);

/* The value of that key or NULL. */
const struct index_value *index_find(const struct index *index, const void *key, size_t key_bytes);

void index_clear(struct index *index);
