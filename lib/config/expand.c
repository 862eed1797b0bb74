/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan.h"

#define INCLUDE_DEPTH_MAX 10

static bool expand(struct scan *scan);

/* The file name of an @include directive that starts here, as libconfig would see one; NULL: none.
 */
static const char *
include_name(const struct scan *scan)
{
	static const char directive[] = "@include";
	const char *p = scan->at;

	if (p != scan->source->files[scan->file]->bytes && p[-1] != '\n')
		return NULL;
	p += strspn(p, " \t"); /* a zero byte ends the file's bytes */
	if (strncmp(p, directive, sizeof(directive) - 1) != 0)
		return NULL;
	p += sizeof(directive) - 1;
	size_t blanks = strspn(p, " \t");
	return blanks > 0 && p[blanks] == '"' ? p + blanks + 1 : NULL;
}

/* The path of an included file: relative to the one that includes it. Wants free(). */
static char *
include_path(const struct scan *scan, const char *name, size_t name_bytes)
{
	const char *here = scan->source->files[scan->file]->path;
	const char *slash = name[0] == '/' ? NULL : strrchr(here, '/');
	int directory_bytes = slash == NULL ? 0 : (int)(slash + 1 - here);
	char *path;

	if (asprintf(&path, "%.*s%.*s", directory_bytes, here, (int)name_bytes, name) < 0)
		return NULL;
	return path;
}

/* Adds a file to those read; its number, or a negative one with the error told. */
static int
open_include(const struct scan *scan, const char *name, size_t name_bytes)
{
	struct source *source = scan->source;
	const char *why = NULL;

	if (scan->depth >= INCLUDE_DEPTH_MAX || source->n_files == FILES_MAX) {
		scan_fail(scan, scan->line,
			"@include: at most %d deep and %d files in all; does a file include "
			"itself?",
			INCLUDE_DEPTH_MAX, FILES_MAX);
		return -1;
	}
	char *path = include_path(scan, name, name_bytes);
	struct file *file = path == NULL ? NULL : file_read(path, &why);
	if (file == NULL) {
		scan_fail(scan, scan->line, "@include: cannot read \"%s\": %s",
			path == NULL ? "?" : path, path == NULL ? "out of memory" : why);
		free(path);
		return -1;
	}
	free(path);
	source->files[source->n_files] = file;
	return (int)source->n_files++;
}

static bool
include(struct scan *scan, const char *name)
{
	struct source *source = scan->source;
	size_t name_bytes = strcspn(name, "\"\n");

	if (name[name_bytes] != '"')
		return scan_fail(scan, scan->line,
			"syntax error: the @include has no closing quote on its line");
	int number = open_include(scan, name, name_bytes);
	if (number < 0)
		return false;
	struct file *file = source->files[number];
	for (const struct scan *outer = scan; outer != NULL; outer = outer->includer)
		if (file_same(file, source->files[outer->file]))
			return scan_fail(
				scan, scan->line, "@include: \"%s\" includes itself", file->path);

	struct scan inner = { .source = source,
		.includer = scan,
		.depth = scan->depth + 1,
		.file = (unsigned)number,
		.line = 1,
		.at = file->bytes,
		.end = file->bytes + file->size };
	/* The directive's line becomes the included file's first, and its rest a line of its own.
	 */
	if (!source->out_of_memory)
		source->lines.n--;
	scan_begin_line(&inner);
	if (!expand(&inner))
		return false;
	scan->at = name + name_bytes + 1;
	scan_begin_line(scan);
	return true;
}

/* Copies a file to the text, and in place of each @include the file that it names. */
static bool
expand(struct scan *scan)
{
	const struct file *file = scan->source->files[scan->file];
	bool good = true;

	if (memchr(file->bytes, '\0', file->size) != NULL)
		return scan_fail(scan, 1, "syntax error: it holds a zero byte, so it is not text");
	if (scan_starts(scan, "\xEF\xBB\xBF"))
		return scan_fail(scan, 1,
			"syntax error: it begins with a byte-order mark; save it as UTF-8 without "
			"one");
	while (good && scan->at < scan->end) {
		const char *included = include_name(scan);

		good = included != NULL ? include(scan, included) : scan_element(scan);
	}
	/* libconfig takes a comment without a newline behind it for garbage. */
	scan_append(scan->source, "\n", 1);
	return good;
}

bool
expand_source(struct source *source)
{
	const struct file *file = source->files[0];
	struct scan scan = {
		.source = source, .line = 1, .at = file->bytes, .end = file->bytes + file->size
	};

	scan_begin_line(&scan);
	bool good = expand(&scan);
	scan_append(source, "", 1); /* the zero */
	if (source->out_of_memory)
		return scan_fail(&scan, 1, "out of memory while it was read");
	if (!good || source->nesting == 0)
		return good;
	const struct bracket *last = &source->open[source->nesting - 1];
	struct place place = source_place(source, last->line);
	snprintf(source->error, SOURCE_ERROR_BYTES,
		"%s:%u: syntax error: the \"%c\" that stands here is never closed with \"%c\"",
		place.file, place.line, last->opening, last->closing);
	return false;
}
