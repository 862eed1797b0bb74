/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * The text of a configuration file as libconfig gets it: included files put in their places, and
 * keys taken out. Done here, not by libconfig 1.5, because that
 *
 * - ends the process when an @include names a directory, and never ends on a FIFO;
 * - takes the end of a file for the end of a comment or string, so a file cut short may pass;
 * - frees its scanner's buffers and pieces of strings without wiping them: a key it has seen stays
 *   in the heap. What it gets in place of a key is the key's number.
 *
 * It also keeps 32 bits of a longer number without a word, unless an L stands behind it, so each
 * number that needs the L gets one.
 */

struct source;

/* A place in a file, for messages. */
struct place {
	const char *file;
	unsigned line;
};

#define SOURCE_ERROR_BYTES 1024

/*
 * Reads a file and all it includes (names relative to the file that says @include). NULL on failure
 * with a whole message in `error`: "FILE: text" or "FILE:LINE: text".
 */
struct source *source_read(const char *path, char error[SOURCE_ERROR_BYTES]);

/* Wipes the keys and frees. NULL is fine. */
void source_free(struct source *source);

/* All of it, zero-terminated, without keys. */
const char *source_text(const struct source *source);

/* Where a line of the text (1 ..) comes from. */
struct place source_place(const struct source *source, unsigned line);

/*
 * The line, at or shortly before `line`, on which a string stands: libconfig notes where it was
 * when it had read one token more. `line` where it is not found.
 */
unsigned source_string_line(const struct source *source, unsigned line, const char *string);

/* Is a string with that setting name a key? */
bool source_is_secret(const char *name);

/* The key that a string in the text stands for, its length in `bytes`; NULL: not exactly one key.
 * Valid until source_free(). */
const char *source_secret(const struct source *source, const char *string, size_t *bytes);

/* The nth file read and its mode; NULL: no more. */
const char *source_file(const struct source *source, unsigned n, mode_t *mode);
