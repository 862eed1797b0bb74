/* SPDX-License-Identifier: BSD-3-Clause */
#include "key_memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "siphash.h"

struct key_use {
	uint64_t digest;
	uint64_t sequence;
	unsigned users;   /* SAs that have the key, those on their way out too */
	unsigned leaving; /* of these, the ones on their way out */
	uint64_t free_ns; /* without users: since when */
	TAILQ_ENTRY(key_use) link;
	UT_hash_handle hh;
};

struct key_memory {
	uint8_t secret[SIPHASH_SECRET_BYTES];
	struct key_use *by_digest;
	TAILQ_HEAD(, key_use) unused; /* longest unused first */
};

struct key_memory *
key_memory_create(void)
{
	struct key_memory *memory = calloc(1, sizeof(*memory));

	if (memory == NULL)
		return NULL;
	if (getrandom(memory->secret, sizeof(memory->secret), 0) !=
		(ssize_t)sizeof(memory->secret)) {
		free(memory);
		return NULL;
	}
	TAILQ_INIT(&memory->unused);
	return memory;
}

void
key_memory_destroy(struct key_memory *memory)
{
	struct key_use *use, *next;

	if (memory == NULL)
		return;
	HASH_ITER (hh, memory->by_digest, use, next) {
		HASH_DEL(memory->by_digest, use);
		free(use);
	}
	explicit_bzero(memory, sizeof(*memory));
	free(memory);
}

/* 64 bits: keys that fall together make an SA begin at a higher number than it must, no more. */
static uint64_t
make_digest(const struct key_memory *memory, const uint8_t *encryption_key, size_t encryption_bytes,
	const uint8_t *authentication_key, size_t authentication_bytes)
{
	uint64_t parts[2] = { siphash(memory->secret, encryption_key, encryption_bytes), 0 };

	if (authentication_bytes > 0)
		parts[1] = siphash(memory->secret, authentication_key, authentication_bytes);
	return siphash(memory->secret, parts, sizeof(parts));
}

static struct key_use *
add(struct key_memory *memory, uint64_t digest)
{
	struct key_use *use = calloc(1, sizeof(*use));

	if (use == NULL)
		return NULL;
	use->digest = digest;
	HASH_ADD(hh, memory->by_digest, digest, sizeof(use->digest), use);
	if (use->hh.tbl == NULL) {
		free(use);
		return NULL;
	}
	return use;
}

struct key_use *
key_memory_take(struct key_memory *memory, const uint8_t *encryption_key, size_t encryption_bytes,
	const uint8_t *authentication_key, size_t authentication_bytes)
{
	uint64_t digest = make_digest(
		memory, encryption_key, encryption_bytes, authentication_key, authentication_bytes);
	struct key_use *use;

	HASH_FIND(hh, memory->by_digest, &digest, sizeof(digest), use);
	if (use == NULL)
		use = add(memory, digest);
	else if (use->users == 0)
		TAILQ_REMOVE(&memory->unused, use, link);
	if (use != NULL)
		use->users++;
	return use;
}

void
key_memory_leave(struct key_use *use)
{
	use->leaving++;
}

bool
key_memory_uncertain(const struct key_use *use)
{
	return use->leaving > 0;
}

uint64_t
key_memory_sequence(const struct key_use *use)
{
	return use->sequence;
}

void
key_memory_give_back(struct key_memory *memory, struct key_use *use, uint64_t now_ns)
{
	if (--use->users > 0)
		return;
	use->free_ns = now_ns;
	TAILQ_INSERT_TAIL(&memory->unused, use, link);
}

void
key_memory_gone(struct key_memory *memory, struct key_use *use, uint64_t sequence, uint64_t now_ns)
{
	if (use->sequence < sequence)
		use->sequence = sequence;
	use->leaving--;
	key_memory_give_back(memory, use, now_ns);
}

void
key_memory_forget(struct key_memory *memory, uint64_t now_ns)
{
	struct key_use *use;

	while ((use = TAILQ_FIRST(&memory->unused)) != NULL &&
		use->free_ns + KEY_MEMORY_NS <= now_ns) {
		TAILQ_REMOVE(&memory->unused, use, link);
		HASH_DEL(memory->by_digest, use);
		free(use);
	}
}
