/* SPDX-License-Identifier: BSD-3-Clause */
#include "index.h"

#include <stdlib.h>
#include <string.h>

/* Out of memory: the entry stays out, and nobody exits. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) entry_lost(index, entry)
#include <uthash.h>

struct index_entry {
	UT_hash_handle hh;
	struct index_value value;
	unsigned char key[];
};

static void
entry_lost(struct index *index, struct index_entry *entry)
{
	index->out_of_memory = true;
	free(entry);
}

const struct index_value *
index_add(struct index *index, const void *key, size_t key_bytes, struct index_value value)
{
	const struct index_value *found = index_find(index, key, key_bytes);

	if (found != NULL)
		return found;
	struct index_entry *entry = calloc(1, sizeof(*entry) + key_bytes);
	if (entry == NULL) {
		index->out_of_memory = true;
		return NULL;
	}
	entry->value = value;
	memcpy(entry->key, key, key_bytes);
	HASH_ADD_KEYPTR(hh, index->head, entry->key, key_bytes, entry);
	return NULL;
}

const struct index_value *
index_find(const struct index *index, const void *key, size_t key_bytes)
{
	struct index_entry *entry = NULL;

	HASH_FIND(hh, index->head, key, key_bytes, entry);
	return entry == NULL ? NULL : &entry->value;
}

void
index_clear(struct index *index)
{
	struct index_entry *entry, *next;

	HASH_ITER (hh, index->head, entry, next) {
		HASH_DEL(index->head, entry);
		free(entry);
	}
}
