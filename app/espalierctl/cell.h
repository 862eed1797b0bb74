/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "table.h"

/* One cell of a table: from a JSON value to text. */

/* The text of the row's cell in that column; the caller frees it. */
char *cell_text(const struct column *column, const json_t *row);
bool cell_is_right(enum column_format format);
/* Places it takes on a terminal. */
size_t cell_width(const char *text);
