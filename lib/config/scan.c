/* SPDX-License-Identifier: BSD-3-Clause */
#include "scan.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "words.h"

bool
scan_fail(const struct scan *scan, unsigned line, const char *format, ...)
{
	char *error = scan->source->error;
	const char *path = scan->source->files[scan->file]->path;
	int used = snprintf(error, SOURCE_ERROR_BYTES, "%s:%u: ", path, line);
	va_list args;

	va_start(args, format);
	if (used > 0 && used < SOURCE_ERROR_BYTES)
		vsnprintf(error + used, (size_t)(SOURCE_ERROR_BYTES - used), format, args);
	va_end(args);
	return false;
}

static void *
add(struct source *source, struct array *array, size_t n, size_t element_bytes)
{
	void *added = source->out_of_memory ? NULL : array_add(array, n, element_bytes);

	if (added == NULL)
		source->out_of_memory = true;
	return added;
}

void
scan_append(struct source *source, const char *bytes, size_t n)
{
	char *to = add(source, &source->text, n, 1);

	if (to != NULL)
		memcpy(to, bytes, n);
}

void
scan_begin_line(const struct scan *scan)
{
	struct source *source = scan->source;
	struct line *line = add(source, &source->lines, 1, sizeof(*line));

	if (line != NULL)
		*line = (struct line) { source->text.n, scan->file, scan->line };
}

/* Copies what stands before `stop` to the text. */
static void
keep(struct scan *scan, const char *stop)
{
	while (scan->at < stop) {
		const char *newline = memchr(scan->at, '\n', (size_t)(stop - scan->at));
		const char *chunk_end = newline == NULL ? stop : newline + 1;

		scan_append(scan->source, scan->at, (size_t)(chunk_end - scan->at));
		scan->at = chunk_end;
		if (newline != NULL) {
			scan->line++;
			scan_begin_line(scan);
		}
	}
}

static bool
is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '*';
}

bool
scan_starts(const struct scan *scan, const char *token)
{
	size_t bytes = strlen(token);

	return (size_t)(scan->end - scan->at) >= bytes && memcmp(scan->at, token, bytes) == 0;
}

/* Comments are left out, for there may be a key in one too. */
static void
skip_line_comment(struct scan *scan)
{
	const char *newline = memchr(scan->at, '\n', (size_t)(scan->end - scan->at));

	scan->at = newline == NULL ? scan->end : newline;
}

static bool
skip_comment(struct scan *scan)
{
	const char *body = scan->at + 2;
	const char *close = memmem(body, (size_t)(scan->end - body), "*/", 2);

	if (close == NULL)
		return scan_fail(scan, scan->line,
			"syntax error: the comment that starts here is never closed with \"*/\"");
	scan_append(scan->source, " ", 1);
	for (; scan->at < close + 2; scan->at++)
		if (*scan->at == '\n') {
			scan_append(scan->source, "\n", 1);
			scan->line++;
			scan_begin_line(scan);
		}
	return true;
}

static bool
previous_opens_value(const struct source *source)
{
	return source->previous != '\0' && strchr("=:([", source->previous) != NULL;
}

/* Does a value that stands here belong to a key? */
static bool
value_is_secret(const struct source *source)
{
	char name[64]; /* the start of a longer one decides */

	if (!source->assigned)
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)source->name_bytes, source->name);
	return source_is_secret(name);
}

static void
keep_name(struct scan *scan)
{
	const char *stop = scan->at;

	while (stop < scan->end && is_name_byte(*stop))
		stop++;
	scan->source->name = scan->at;
	scan->source->name_bytes = (size_t)(stop - scan->at);
	scan->source->assigned = false;
	scan->source->previous = 'a';
	keep(scan, stop);
}

/* Would libconfig's int hold the digits? Those it gets are positive: a sign stands before them. */
static bool
fits_int(const char *digits, size_t n, const char *largest)
{
	while (n > 0 && *digits == '0')
		digits++, n--;
	return n < strlen(largest) ||
		(n == strlen(largest) && strncasecmp(digits, largest, n) <= 0);
}

static void
keep_number(struct scan *scan)
{
	bool hex = scan_starts(scan, "0x") || scan_starts(scan, "0X");
	const char *digits = hex ? scan->at + 2 : scan->at;
	const char *stop = digits + strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789");
	bool fits = fits_int(digits, (size_t)(stop - digits), hex ? "7fffffff" : "2147483647");
	bool fraction = !hex &&
		(scan->source->previous == '.' || *stop == '.' || *stop == 'e' || *stop == 'E');

	keep(scan, stop);
	if (!fits && !fraction && *stop != 'L')
		scan_append(scan->source, "L", 1);
	scan->source->previous = 'a';
}

/* The end of a string's content, or NULL when it is not closed on its line: no setting can hold a
 * newline, and so a forgotten quote is found where it is. */
static const char *
string_end(const struct scan *scan)
{
	for (const char *p = scan->at + 1; p < scan->end && *p != '\n'; p++) {
		if (*p == '"')
			return p;
		if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
			p++;
	}
	return NULL;
}

/* May a string stand here? libconfig says no too, but leaks the string. */
static bool
string_is_value(const struct source *source)
{
	if (source->previous == ',')
		return source->nesting > 0 && source->open[source->nesting - 1].opening != '{';
	/* Strings side by side are one. */
	return previous_opens_value(source) || source->previous == '"';
}

static bool
keep_string(struct scan *scan)
{
	struct source *source = scan->source;
	const char *stop = string_end(scan);

	if (stop == NULL)
		return scan_fail(scan, scan->line,
			"syntax error: the string that starts here has no closing quote on its "
			"line");
	if (!string_is_value(source))
		return scan_fail(scan, scan->line,
			"syntax error: a string stands where none can; is \"=\", \",\" or a quote "
			"missing before it?");
	source->previous = '"';
	if (value_is_secret(source)) {
		struct secret *secret = add(source, &source->secrets, 1, sizeof(*secret));
		char number[SECRET_DIGITS + 3];

		if (secret != NULL)
			*secret = (struct secret) { scan->at + 1, (size_t)(stop - scan->at) - 1 };
		snprintf(number, sizeof(number), "\"%0*zX\"", SECRET_DIGITS, source->secrets.n);
		scan_append(source, number, SECRET_DIGITS + 2);
		scan->at = stop + 1;
	} else {
		keep(scan, stop + 1);
	}
	return true;
}

static bool
open_bracket(struct scan *scan, char opening, char closing)
{
	struct source *source = scan->source;

	if (source->nesting == NESTING_MAX)
		return scan_fail(scan, scan->line,
			"syntax error: more than %d brackets are open here; is one never closed?",
			NESTING_MAX);
	source->open[source->nesting++] = (struct bracket) { opening, closing,
		(unsigned)source->lines.n, source->settings.n };
	return true;
}

static bool
close_bracket(struct scan *scan, char closing)
{
	struct source *source = scan->source;

	if (source->nesting == 0)
		return scan_fail(scan, scan->line,
			"syntax error: \"%c\" stands here, but no bracket is open", closing);
	const struct bracket *last = &source->open[--source->nesting];
	source->settings.n = last->first_setting;
	if (last->closing == closing || source->out_of_memory)
		return true;
	struct place place = source_place(source, last->line);
	return scan_fail(scan, scan->line,
		"syntax error: \"%c\" stands here, but the \"%c\" of %s:%u must be closed first",
		closing, last->opening, place.file, place.line);
}

/* A value follows. A name that its group has already is refused here: libconfig would not say
 * which. */
static bool
begin_value(struct scan *scan)
{
	struct source *source = scan->source;
	bool in_file = source->nesting == 0;
	size_t first = in_file ? 0 : source->open[source->nesting - 1].first_setting;
	char name[QUOTE_BYTES], quoted[QUOTE_BYTES];

	if (source->name == NULL || source->assigned)
		return true;
	source->assigned = true;
	if (source->previous != 'a') /* nor does libconfig take it, for want of a name */
		return true;
	for (size_t i = first; i < source->settings.n; i++) {
		const struct setting *other = (const struct setting *)source->settings.items + i;

		if (other->name_bytes != source->name_bytes ||
			memcmp(other->name, source->name, source->name_bytes) != 0)
			continue;
		struct place place = source_place(source, other->line);
		snprintf(name, sizeof(name), "%.*s", (int)source->name_bytes, source->name);
		return scan_fail(scan, scan->line,
			"syntax error: the %s %s stands in this %s already, at %s:%u",
			in_file ? "section" : "setting", words_quote(name, quoted),
			in_file ? "file" : "group", place.file, place.line);
	}
	struct setting *setting = add(source, &source->settings, 1, sizeof(*setting));
	if (setting != NULL)
		*setting = (struct setting) { source->name, source->name_bytes,
			(unsigned)source->lines.n };
	return true;
}

static bool
keep_punctuation(struct scan *scan)
{
	struct source *source = scan->source;
	char c = *scan->at;
	bool good = true;

	if (c == '=' || c == ':')
		good = begin_value(scan);
	else if (c == ';' || c == '{' || c == '}')
		source->assigned = false;
	if (c == '(')
		good = open_bracket(scan, c, ')');
	else if (c == '[')
		good = open_bracket(scan, c, ']');
	else if (c == '{')
		good = open_bracket(scan, c, '}');
	else if (c == ')' || c == ']' || c == '}')
		good = close_bracket(scan, c);
	if (!isspace((unsigned char)c))
		source->previous = c;
	keep(scan, scan->at + 1);
	return good;
}

/* U+2018 to U+201F, which word processors put in place of quotes. */
static bool
is_typographic_quote(const struct scan *scan)
{
	return scan_starts(scan, "\xE2\x80") && ((unsigned char)scan->at[2] & 0xF8) == 0x98;
}

bool
scan_element(struct scan *scan)
{
	char c = *scan->at;

	if (c == '"')
		return keep_string(scan);
	if (is_typographic_quote(scan))
		return scan_fail(scan, scan->line,
			"syntax error: a typographic quote stands here; strings stand between "
			"plain ones: \"");
	if (scan_starts(scan, "/*"))
		return skip_comment(scan);
	if (c == '#' || scan_starts(scan, "//"))
		skip_line_comment(scan);
	else if (isalnum((unsigned char)c) && previous_opens_value(scan->source) &&
		value_is_secret(scan->source))
		return scan_fail(scan, scan->line, "syntax error: a key stands in quotes");
	else if (isdigit((unsigned char)c))
		keep_number(scan);
	else if (isalpha((unsigned char)c) || c == '*')
		keep_name(scan);
	else
		return keep_punctuation(scan);
	return true;
}
