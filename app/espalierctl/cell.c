/* SPDX-License-Identifier: BSD-3-Clause */
#include "cell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler.h"

/* The value at a path of keys, or NULL. */
static const json_t *
at_path(const json_t *row, const char *path)
{
	char key[64];

	while (*path != '\0' && row != NULL) {
		size_t length = strcspn(path, ".");

		snprintf(key, sizeof(key), "%.*s", (int)length, path);
		row = json_object_get(row, key);
		path += length + (path[length] == '.');
	}
	return row;
}

static void
put_plain(FILE *out, const json_t *value)
{
	if (json_is_string(value))
		fputs(json_string_value(value), out);
	else if (json_is_integer(value))
		fprintf(out, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		fprintf(out, "%.1f", json_real_value(value));
	else if (json_is_boolean(value))
		fputs(json_is_true(value) ? "yes" : "no", out);
	else
		fputs("-", out);
}

static void
put_count(FILE *out, const json_t *value)
{
	char digits[48];

	if (!json_is_integer(value)) {
		put_plain(out, value);
		return;
	}
	int length = snprintf(digits, sizeof(digits), "%lld", (long long)json_integer_value(value));
	for (int i = 0; i < length; i++) {
		fputc(digits[i], out);
		if (i + 1 < length && (length - i - 1) % 3 == 0 && digits[i] != '-')
			fputc(',', out);
	}
}

static void
put_bytes(FILE *out, const json_t *value)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double bytes = json_number_value(value);
	unsigned unit = 0;

	if (!json_is_number(value)) {
		put_plain(out, value);
		return;
	}
	while (bytes >= 1000 && unit + 1 < ARRAY_LEN(units)) {
		bytes /= 1000;
		unit++;
	}
	fprintf(out, unit == 0 ? "%.0f %s" : "%.2f %s", bytes, units[unit]);
}

static void
put_list(FILE *out, const json_t *list)
{
	const json_t *item;
	size_t i;

	if (json_array_size(list) == 0)
		fputs("-", out);
	json_array_foreach (list, i, item) {
		fputs(i == 0 ? "" : ", ", out);
		put_plain(out, item);
	}
}

static void
put_way(FILE *out, const json_t *way)
{
	const json_t *tunnel = json_object_get(way, "tunnel");
	const json_t *port = json_object_get(way, "port");
	const json_t *gateway = json_object_get(way, "gateway");

	if (tunnel != NULL) {
		put_plain(out, tunnel);
	} else if (port != NULL) {
		put_plain(out, port);
		if (json_is_string(gateway))
			fprintf(out, " via %s", json_string_value(gateway));
	} else if (json_object_get(way, "local") != NULL) {
		fputs("local", out);
	} else {
		const json_t *reason = json_object_get(way, "reason");

		if (reason != NULL)
			put_plain(out, reason);
		else
			fputs("drop", out);
	}
}

static bool
weights_differ(const json_t *ways)
{
	json_int_t first = json_integer_value(json_object_get(json_array_get(ways, 0), "weight"));
	const json_t *way;
	size_t i;

	json_array_foreach (ways, i, way)
		if (json_integer_value(json_object_get(way, "weight")) != first)
			return true;
	return false;
}

static void
put_ways(FILE *out, const json_t *ways)
{
	bool weights = weights_differ(ways);
	const json_t *way;
	size_t i;

	json_array_foreach (ways, i, way) {
		fputs(i == 0 ? "" : ", ", out);
		put_way(out, way);
		if (weights)
			fprintf(out, " (weight %lld)",
				(long long)json_integer_value(json_object_get(way, "weight")));
	}
}

static void (*const puts_by_format[])(FILE *out, const json_t *value) = {
	[COLUMN_TEXT] = put_plain,
	[COLUMN_NUMBER] = put_plain,
	[COLUMN_COUNT] = put_count,
	[COLUMN_BYTES] = put_bytes,
	[COLUMN_LIST] = put_list,
	[COLUMN_WAY] = put_way,
	[COLUMN_WAYS] = put_ways,
};

char *
cell_text(const struct column *column, const json_t *row)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (out == NULL)
		abort();
	puts_by_format[column->format](out, at_path(row, column->path));
	if (fclose(out) != 0)
		abort();
	/* Names come from a file: none of them steers the terminal. */
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return text;
}

bool
cell_is_right(enum column_format format)
{
	return format == COLUMN_NUMBER || format == COLUMN_COUNT || format == COLUMN_BYTES;
}

size_t
cell_width(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80; /* UTF-8 counts by first bytes */
	return width;
}
