/* SPDX-License-Identifier: BSD-3-Clause */
#include "slab.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <rte_malloc.h>

#include "asan.h"
#include "compiler.h"

/* Pieces are aligned to this, so that an object's address tells its piece. */
#define PIECE_ALIGN ((size_t)65536)
/* DPDK's heap has a header in front of each piece: so many bytes fill up the space between two. */
#define PIECE_BYTES (PIECE_ALIGN - 2 * CACHE_LINE_BYTES)
#define PIECE_LINES (PIECE_BYTES / CACHE_LINE_BYTES)

#define WORD_BITS 64
#define WORDS (PIECE_ALIGN / CACHE_LINE_BYTES / WORD_BITS)

/* Of an object, in cache lines: a piece holds four. Larger ones are few. */
#define LINES_MAX 253

struct piece {
	struct slab *slab;
	struct size *size;      /* NULL: one large object, and nothing below counts */
	LIST_ENTRY(piece) link; /* while it has a free place */
	uint8_t *objects;       /* the first */
	unsigned n;             /* in use */
	uint64_t free[WORDS];   /* a bit for each place */
};

LIST_HEAD(piece_list, piece);

/* Objects of one size, and their pieces. */
struct size {
	size_t bytes;
	unsigned capacity;      /* of a piece */
	unsigned shift;         /* of the next piece's objects, in cache lines */
	struct piece_list room; /* pieces with a free place */
};

struct slab {
	size_t objects;
	struct size sizes[LINES_MAX + 1]; /* by cache lines */
};

#define PIECE_HEAD_LINES ((sizeof(struct piece) + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES)
#define PLACES_LINES (PIECE_LINES - PIECE_HEAD_LINES)

struct slab *
slab_create(void)
{
	struct slab *slab = calloc(1, sizeof(*slab));

	for (unsigned lines = 1; slab != NULL && lines <= LINES_MAX; lines++) {
		slab->sizes[lines].bytes = (size_t)lines * CACHE_LINE_BYTES;
		slab->sizes[lines].capacity = (unsigned)(PLACES_LINES / lines);
	}
	return slab;
}

/* --- pieces --- */

static void
free_piece(struct piece *piece)
{
	LIST_REMOVE(piece, link);
	ASAN_UNPOISON_MEMORY_REGION(piece, PIECE_BYTES);
	rte_free(piece);
}

/* Without objects. The objects of each begin a cache line further than those of the one before, as
 * far as there is room: else the same field of all of them would compete for a few sets of a cache.
 */
static struct piece *
make_piece(struct slab *slab, struct size *size)
{
	struct piece *piece = rte_zmalloc("slab", PIECE_BYTES, PIECE_ALIGN);
	size_t spare_lines = PLACES_LINES - size->capacity * size->bytes / CACHE_LINE_BYTES;

	if (piece == NULL)
		return NULL;
	piece->slab = slab;
	piece->size = size;
	piece->objects = (uint8_t *)piece + (PIECE_HEAD_LINES + size->shift) * CACHE_LINE_BYTES;
	size->shift = (unsigned)((size->shift + 1) % (spare_lines + 1));
	for (unsigned place = 0; place < size->capacity; place++)
		piece->free[place / WORD_BITS] |= UINT64_C(1) << place % WORD_BITS;
	ASAN_POISON_MEMORY_REGION(piece->objects, size->capacity * size->bytes);
	LIST_INSERT_HEAD(&size->room, piece, link);
	return piece;
}

static struct piece *
piece_of(const void *object)
{
	return (struct piece *)((uintptr_t)object & ~(PIECE_ALIGN - 1));
}

static unsigned
first_free(const struct piece *piece)
{
	unsigned word = 0;

	while (piece->free[word] == 0)
		word++;
	return word * WORD_BITS + (unsigned)__builtin_ctzll(piece->free[word]);
}

void
slab_destroy(struct slab *slab)
{
	if (slab == NULL)
		return;
	for (unsigned lines = 1; lines <= LINES_MAX; lines++) {
		struct piece *piece, *next;

		for (piece = LIST_FIRST(&slab->sizes[lines].room); piece != NULL; piece = next) {
			next = LIST_NEXT(piece, link);
			if (piece->n == 0)
				free_piece(piece);
		}
	}
	free(slab);
}

/* --- objects --- */

/* In a piece of its own, which is as large as it must be. */
static void *
alloc_large(struct slab *slab, size_t bytes)
{
	size_t head_bytes = PIECE_HEAD_LINES * CACHE_LINE_BYTES;
	struct piece *piece = NULL;

	if (bytes <= SIZE_MAX / 2)
		piece = rte_zmalloc("slab", head_bytes + bytes, PIECE_ALIGN);
	if (piece == NULL)
		return NULL;
	piece->slab = slab;
	slab->objects++;
	return (uint8_t *)piece + head_bytes;
}

void *
slab_alloc(struct slab *slab, size_t bytes)
{
	size_t lines = (bytes + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES;
	struct piece *piece;
	struct size *size;

	/* An odd number, which leads objects side by side through all sets of a cache. */
	if (lines > 2)
		lines |= 1;
	if (lines > LINES_MAX)
		return alloc_large(slab, bytes);
	size = &slab->sizes[lines];
	piece = LIST_FIRST(&size->room);
	if (piece == NULL)
		piece = make_piece(slab, size);
	if (piece == NULL)
		return NULL;
	unsigned place = first_free(piece);
	piece->free[place / WORD_BITS] &= ~(UINT64_C(1) << place % WORD_BITS);
	if (++piece->n == size->capacity)
		LIST_REMOVE(piece, link);
	slab->objects++;
	void *object = piece->objects + place * size->bytes;
	ASAN_UNPOISON_MEMORY_REGION(object, bytes);
	return object;
}

void
slab_free(void *object)
{
	struct piece *piece = piece_of(object);
	struct size *size;

	if (object == NULL)
		return;
	piece->slab->objects--;
	size = piece->size;
	if (size == NULL) {
		rte_free(piece); /* which wipes it */
		return;
	}
	size_t at = (size_t)((uint8_t *)object - piece->objects);
	uint64_t *word = &piece->free[at / size->bytes / WORD_BITS];
	uint64_t bit = UINT64_C(1) << at / size->bytes % WORD_BITS;
	assert(at % size->bytes == 0 && (*word & bit) == 0);
	ASAN_UNPOISON_MEMORY_REGION(object, size->bytes);
	explicit_bzero(object, size->bytes);
	ASAN_POISON_MEMORY_REGION(object, size->bytes);
	*word |= bit;
	if (piece->n-- == size->capacity)
		LIST_INSERT_HEAD(&size->room, piece, link);
	/* One stays for those to come, unless others have room. */
	if (piece->n == 0 && (LIST_FIRST(&size->room) != piece || LIST_NEXT(piece, link) != NULL))
		free_piece(piece);
}

size_t
slab_count(const struct slab *slab)
{
	return slab->objects;
}
