/* SPDX-License-Identifier: BSD-3-Clause */
#include "reader.h"

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

struct report {
	unsigned line;  /* of the text */
	unsigned order; /* in which it was found */
	char *text;
};

static void PRINTF_LIKE(4, 0) add_report(
	struct reader *reader, unsigned line, const char *value, const char *format, va_list args)
{
	struct place place = source_place(reader->source, line);
	char *text, *whole;

	if (vasprintf(&text, format, args) < 0) {
		reader->out_of_memory = true;
		return;
	}
	int bytes = asprintf(&whole, "%s:%u: %s%s", place.file, place.line, value, text);
	free(text);
	struct report *report = bytes < 0 ? NULL : array_add(&reader->reports, 1, sizeof(*report));
	if (report == NULL) {
		if (bytes >= 0)
			free(whole);
		reader->out_of_memory = true;
		return;
	}
	/* One error is one line, whatever is in it. */
	for (char *p = whole; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
	*report = (struct report) { line, (unsigned)reader->reports.n, whole };
}

void
reader_line_error(struct reader *reader, unsigned line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_report(reader, line, "", format, args);
	va_end(args);
}

void
reader_error(struct reader *reader, const config_setting_t *setting, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_report(reader, reader_line(reader, setting), "", format, args);
	va_end(args);
}

/* libconfig reads what is too large as the largest there is. */
static const char *
show_long(long long value, bool hex, char shown[QUOTE_BYTES])
{
	bool largest = hex ? value == -1 : value == LLONG_MAX;

	snprintf(shown, QUOTE_BYTES, hex ? "0x%llX%s" : "%lld%s", value, largest ? " or more" : "");
	return shown;
}

/* A value as it may stand in the file. */
static const char *
show_value(const config_setting_t *setting, char shown[QUOTE_BYTES])
{
	bool hex = config_setting_get_format(setting) == CONFIG_FORMAT_HEX;

	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_STRING:
		return words_quote(config_setting_get_string(setting), shown);
	case CONFIG_TYPE_INT:
		snprintf(shown, QUOTE_BYTES, hex ? "0x%X" : "%d", config_setting_get_int(setting));
		return shown;
	case CONFIG_TYPE_INT64:
		return show_long(config_setting_get_int64(setting), hex, shown);
	case CONFIG_TYPE_FLOAT:
		snprintf(shown, QUOTE_BYTES, "%g", config_setting_get_float(setting));
		return shown;
	case CONFIG_TYPE_BOOL:
		return config_setting_get_bool(setting) ? "true" : "false";
	case CONFIG_TYPE_GROUP:
		return "{ ... }";
	case CONFIG_TYPE_ARRAY:
		return "[ ... ]";
	default:
		return "( ... )";
	}
}

/* The name of a setting, or of the list or array that holds it. */
static const char *
name_of(const config_setting_t *setting)
{
	while (config_setting_name(setting) == NULL && config_setting_parent(setting) != NULL)
		setting = config_setting_parent(setting);
	return config_setting_name(setting) == NULL ? "file" : config_setting_name(setting);
}

void
reader_value_error(struct reader *reader, const config_setting_t *setting, const char *format, ...)
{
	char prefix[256], shown[QUOTE_BYTES];
	const char *name = name_of(setting);
	va_list args;

	if (source_is_secret(name))
		snprintf(prefix, sizeof(prefix), "%.64s: ", name);
	else
		snprintf(prefix, sizeof(prefix), "%.64s = %s: ", name, show_value(setting, shown));
	va_start(args, format);
	add_report(reader, reader_line(reader, setting), prefix, format, args);
	va_end(args);
}

unsigned
reader_line(const struct reader *reader, const config_setting_t *setting)
{
	unsigned line = config_setting_source_line(setting);

	if (config_setting_name(setting) != NULL ||
		config_setting_type(setting) != CONFIG_TYPE_STRING)
		return line;
	return source_string_line(reader->source, line, config_setting_get_string(setting));
}

int
reader_file_line(const struct reader *reader, const config_setting_t *setting)
{
	return (int)source_place(reader->source, reader_line(reader, setting)).line;
}

static void
unknown_setting(struct reader *reader, const config_setting_t *setting, const struct fields *fields)
{
	const char *name = config_setting_name(setting);
	const char *meant = NULL;
	char known[512] = "", quoted[QUOTE_BYTES];

	for (unsigned i = 0; i < fields->n; i++) {
		meant = words_closer(name, fields->field[i].name, meant);
		words_list(known, sizeof(known), fields->field[i].name);
	}
	words_quote(name, quoted);
	if (meant != NULL)
		reader_error(reader, setting, "%s has no setting %s; did you mean \"%s\"?",
			fields->of, quoted, meant);
	else
		reader_error(reader, setting, "%s has no setting %s; it has: %s", fields->of,
			quoted, known);
}

static const struct field *
find_field(const struct fields *fields, const char *name)
{
	for (unsigned i = 0; i < fields->n; i++)
		if (strcmp(fields->field[i].name, name) == 0)
			return &fields->field[i];
	return NULL;
}

struct fields_read
reader_group(struct reader *reader, const config_setting_t *group, const struct fields *fields,
	void *record)
{
	struct fields_read read = { 0, 0 };
	unsigned n = (unsigned)config_setting_length(group);

	for (unsigned i = 0; i < n; i++) {
		const config_setting_t *setting = config_setting_get_elem(group, i);
		const struct field *field = find_field(fields, config_setting_name(setting));
		if (field == NULL) {
			unknown_setting(reader, setting, fields);
			continue;
		}
		uint32_t bit = FIELD_BIT(field - fields->field);
		read.present |= bit;
		if (field->read(reader, field, setting, (char *)record + field->offset))
			read.good |= bit;
	}
	for (unsigned i = 0; i < fields->n; i++)
		if (fields->field[i].need == REQUIRED && (read.present & FIELD_BIT(i)) == 0)
			reader_error(reader, group, "%s needs the setting \"%s\"", fields->of,
				fields->field[i].name);
	return read;
}

void *
reader_list(struct reader *reader, const config_setting_t *setting, size_t record_bytes,
	unsigned max, unsigned *n)
{
	unsigned length = (unsigned)config_setting_length(setting);

	*n = 0;
	if (!config_setting_is_list(setting)) {
		reader_value_error(reader, setting, "it must be a list: ( { ... }, { ... } )");
		return NULL;
	}
	if (length > max)
		reader_error(reader, setting, "%s: %u of them, but at most %u are possible",
			name_of(setting), length, max);
	void *records = length == 0 ? NULL : reader_alloc(reader, length, record_bytes);
	if (records != NULL)
		*n = length;
	return records;
}

const config_setting_t *
reader_list_group(struct reader *reader, const config_setting_t *setting, unsigned n)
{
	const config_setting_t *group = config_setting_get_elem(setting, n);

	if (config_setting_is_group(group))
		return group;
	reader_value_error(reader, group, "each element must be a group: { ... }");
	return NULL;
}

void *
reader_alloc(struct reader *reader, size_t n, size_t bytes)
{
	void *memory = calloc(n, bytes);

	if (memory == NULL)
		reader->out_of_memory = true;
	return memory;
}

bool
reader_unique(struct reader *reader, struct index *index, struct index_key key, unsigned number,
	const config_setting_t *setting, const char *what)
{
	struct index_value value = { reader_line(reader, setting), number };
	const struct index_value *other = index_add(index, key.bytes, key.n, value);

	if (index->out_of_memory)
		reader->out_of_memory = true;
	if (other == NULL)
		return true;
	struct place place = source_place(reader->source, other->line);
	reader_value_error(
		reader, setting, "%s is taken already, at %s:%u", what, place.file, place.line);
	return false;
}

static int
by_place(const void *a, const void *b)
{
	const struct report *left = a, *right = b;

	if (left->line != right->line)
		return left->line < right->line ? -1 : 1;
	return left->order < right->order ? -1 : 1;
}

bool
reader_tell(struct reader *reader, config_error_fn report, void *context)
{
	struct report *reports = reader->reports.items;
	size_t n = reader->reports.n;

	if (n > 0)
		qsort(reports, n, sizeof(*reports), by_place);
	for (size_t i = 0; i < n; i++)
		report(context, reports[i].text);
	return n > 0;
}

void
reader_clear(struct reader *reader)
{
	struct report *reports = reader->reports.items;

	for (size_t i = 0; i < reader->reports.n; i++)
		free(reports[i].text);
	array_free(&reader->reports, sizeof(*reports));
	index_clear(&reader->ports);
	index_clear(&reader->tunnels);
	index_clear(&reader->interfaces);
	index_clear(&reader->addresses);
}
