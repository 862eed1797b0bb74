/* SPDX-License-Identifier: BSD-3-Clause */
#include "table.h"

#include <stdio.h>
#include <stdlib.h>

#include "cell.h"

#define COLUMNS_MAX 24
#define GAP 2 /* blanks between columns */

static void
blanks(size_t n)
{
	printf("%*s", (int)n, "");
}

/* A cell in its column; nothing follows the last one, so it needs no blanks behind it. */
static void
print_cell(const struct column *column, const char *text, size_t width)
{
	size_t fill = width - cell_width(text);
	bool last = column[1].heading == NULL;

	if (cell_is_right(column->format))
		blanks(fill);
	fputs(text, stdout);
	if (!cell_is_right(column->format) && !last)
		blanks(fill);
	if (last)
		putchar('\n');
	else
		blanks(GAP);
}

void
table_print(const struct column columns[], const json_t *rows)
{
	size_t width[COLUMNS_MAX];
	const json_t *row;
	size_t i;

	for (unsigned c = 0; columns[c].heading != NULL; c++) {
		width[c] = cell_width(columns[c].heading);
		json_array_foreach (rows, i, row) {
			char *text = cell_text(&columns[c], row);

			if (cell_width(text) > width[c])
				width[c] = cell_width(text);
			free(text);
		}
	}
	for (unsigned c = 0; columns[c].heading != NULL; c++)
		print_cell(&columns[c], columns[c].heading, width[c]);
	json_array_foreach (rows, i, row) {
		for (unsigned c = 0; columns[c].heading != NULL; c++) {
			char *text = cell_text(&columns[c], row);

			print_cell(&columns[c], text, width[c]);
			free(text);
		}
	}
}

void
table_print_one(const struct column columns[], const json_t *row)
{
	size_t width = 0;

	for (const struct column *column = columns; column->heading != NULL; column++)
		if (cell_width(column->heading) > width)
			width = cell_width(column->heading);
	for (const struct column *column = columns; column->heading != NULL; column++) {
		char *text = cell_text(column, row);

		fputs(column->heading, stdout);
		blanks(width - cell_width(column->heading) + GAP);
		puts(text);
		free(text);
	}
}

char *
table_way(const json_t *way)
{
	static const struct column column = { "", "", COLUMN_WAY };

	return cell_text(&column, way);
}
