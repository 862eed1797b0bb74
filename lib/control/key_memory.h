/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Remembers how far keys were used, for a minute after the last SA that used them is gone, so that
 * an SA that comes back with the same key (charon moves SAs so) never uses a number twice. No key
 * is kept, but a digest with a secret of this process. Control only.
 */

#define KEY_MEMORY_NS (60 * UINT64_C(1000000000))

struct key_memory;
struct key_use; /* one key */

/* NULL: out of memory, or no random numbers. */
struct key_memory *key_memory_create(void);
void key_memory_destroy(struct key_memory *memory);

/* An SA is going to use this key; NULL: out of memory. The encryption key, salt included, and the
 * authentication key, which may have no bytes. */
struct key_use *key_memory_take(struct key_memory *memory, const uint8_t *encryption_key,
	size_t encryption_bytes, const uint8_t *authentication_key, size_t authentication_bytes);
/* The SA goes, and workers may still be using it: its last number is to be told later. */
void key_memory_leave(struct key_use *use);
/* Is an SA with this key on its way out? Then publish_flush() makes its last number known. */
bool key_memory_uncertain(const struct key_use *use);
/* The last number used under the key by SAs that are gone; 0: none. */
uint64_t key_memory_sequence(const struct key_use *use);

/* An SA that took the key and did not leave never sent; one that left is gone now. */
void key_memory_give_back(struct key_memory *memory, struct key_use *use, uint64_t now_ns);
void
key_memory_gone(struct key_memory *memory, struct key_use *use, uint64_t sequence, uint64_t now_ns);

/* Forgets what is a minute old. */
void key_memory_forget(struct key_memory *memory, uint64_t now_ns);
