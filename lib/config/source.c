/* SPDX-License-Identifier: BSD-3-Clause */
#include "source_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRING_LINES_MAX 64 /* how far source_string_line() looks back */

struct source *
source_read(const char *path, char error[SOURCE_ERROR_BYTES])
{
	const char *why;
	struct file *file = file_read(path, &why);
	struct source *source = calloc(1, sizeof(*source));

	if (file == NULL || source == NULL) {
		snprintf(error, SOURCE_ERROR_BYTES, "%s: cannot read it: %s", path,
			file == NULL ? why : "out of memory");
		file_free(file);
		free(source);
		return NULL;
	}
	source->error = error;
	source->files[source->n_files++] = file;
	bool good = expand_source(source);
	source->error = NULL; /* the caller's */
	if (good)
		return source;
	source_free(source);
	return NULL;
}

void
source_free(struct source *source)
{
	if (source == NULL)
		return;
	for (unsigned i = 0; i < source->n_files; i++)
		file_free(source->files[i]);
	array_free(&source->text, 1);
	array_free(&source->lines, sizeof(struct line));
	array_free(&source->secrets, sizeof(struct secret));
	array_free(&source->settings, sizeof(struct setting));
	free(source);
}

const char *
source_text(const struct source *source)
{
	return source->text.items;
}

/* libconfig names the line behind the last one when the text ends too early. */
static size_t
line_index(const struct source *source, unsigned line)
{
	size_t index = line > 0 ? line - 1 : 0;

	return index < source->lines.n ? index : source->lines.n - 1;
}

struct place
source_place(const struct source *source, unsigned line)
{
	const struct line *lines = source->lines.items;
	const struct line *found = &lines[line_index(source, line)];

	return (struct place) { source->files[found->file]->path, found->line };
}

unsigned
source_string_line(const struct source *source, unsigned line, const char *string)
{
	const struct line *lines = source->lines.items;
	const char *text = source->text.items;
	size_t last = line_index(source, line);
	size_t end = last + 1 < source->lines.n ? lines[last + 1].offset : source->text.n - 1;
	char quoted[128];
	int bytes = snprintf(quoted, sizeof(quoted), "\"%s\"", string);

	if (bytes >= (int)sizeof(quoted))
		return line;
	for (size_t i = 0; i < STRING_LINES_MAX && i <= last; i++) {
		size_t start = lines[last - i].offset;
		if (memmem(text + start, end - start, quoted, (size_t)bytes) != NULL)
			return (unsigned)(last - i) + 1;
		end = start;
	}
	return line;
}

bool
source_is_secret(const char *name)
{
	return strcasestr(name, "key") != NULL;
}

const char *
source_secret(const struct source *source, const char *string, size_t *bytes)
{
	const struct secret *secrets = source->secrets.items;
	size_t number = strlen(string) == SECRET_DIGITS ? strtoul(string, NULL, 16) : 0;

	/* Strings side by side are one string to libconfig: then it is longer than a number. */
	if (number == 0 || number > source->secrets.n)
		return NULL;
	*bytes = secrets[number - 1].bytes;
	return secrets[number - 1].start;
}

const char *
source_file(const struct source *source, unsigned n, mode_t *mode)
{
	if (n >= source->n_files)
		return NULL;
	*mode = source->files[n]->mode;
	return source->files[n]->path;
}
