/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "array.h"
#include "file.h"
#include "source.h"

/* What a source is made of, for source.c and expand.c alone. */

#define FILES_MAX 256
#define NESTING_MAX 32  /* open brackets; our deepest setting needs five */
#define SECRET_DIGITS 8 /* of the number that stands for a key in the text */

/* A line of the text, and where it comes from. */
struct line {
	size_t offset;
	unsigned file, line;
};

/* A key: where it stands in its file's bytes. */
struct secret {
	const char *start;
	size_t bytes;
};

/* A setting's name: where it stands in its file's bytes. */
struct setting {
	const char *name;
	size_t name_bytes;
	unsigned line; /* of the text */
};

/* An open bracket. */
struct bracket {
	char opening, closing;
	unsigned line;        /* of the text */
	size_t first_setting; /* of those in it */
};

struct source {
	struct file *files[FILES_MAX];
	unsigned n_files;
	struct array text;     /* char */
	struct array lines;    /* struct line; [0] is line 1 */
	struct array secrets;  /* struct secret */
	struct array settings; /* struct setting; of the open groups */
	bool out_of_memory;    /* from then on nothing is added any more */
	char *error;

	/* Where the scan stands; goes on through included files, as libconfig's grammar does. */
	struct bracket open[NESTING_MAX];
	unsigned nesting;
	char previous;    /* what stood last: punctuation, '"' a string, 'a' anything else */
	const char *name; /* the last name seen: the setting whose value may come */
	size_t name_bytes;
	bool assigned; /* its "=" was there */
};

/* Copies the first file and all it includes to the text. False with `error` told, or when memory
 * ran out. */
bool expand_source(struct source *source);
