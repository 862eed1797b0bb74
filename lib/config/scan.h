/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>

#include "compiler.h"
#include "source_parts.h"

/* Goes through a file's bytes, one lexical element of libconfig at a time, and copies them to the
 * source's text. For expand.c. */

/* The way through one file. */
struct scan {
	struct source *source;
	const struct scan *includer; /* NULL: the first file */
	unsigned depth;
	unsigned file;
	unsigned line;
	const char *at, *end;
};

/* Says what is wrong on a line of the scan's file. Returns false. */
bool scan_fail(const struct scan *scan, unsigned line, const char *format, ...) PRINTF_LIKE(3, 4);

/* Is this token next? */
bool scan_starts(const struct scan *scan, const char *token);

/* Copies the next element: a string, name, number or other character; comments it leaves out.
 * False, and told, if no file can hold it. */
bool scan_element(struct scan *scan);

/* The text goes on with what stands on the scan's line. */
void scan_begin_line(const struct scan *scan);

/* Appends to the text what is not in the file. */
void scan_append(struct source *source, const char *bytes, size_t n);
