/* SPDX-License-Identifier: BSD-3-Clause */
#include "output.h"

#include <stdio.h>

void
output_object(const json_t *object)
{
	json_dumpf(object, stdout, JSON_ENCODE_ANY);
	putchar('\n');
}

void
output_list(const json_t *rows)
{
	const json_t *row;
	size_t i;

	fputs("[", stdout);
	json_array_foreach (rows, i, row) {
		fputs(i == 0 ? "\n " : ",\n ", stdout);
		json_dumpf(row, stdout, 0);
	}
	fputs(json_array_size(rows) == 0 ? "]\n" : "\n]\n", stdout);
}
