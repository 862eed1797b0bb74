/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <jansson.h>

/* One JSON document on stdout. A list has a line for each row, so that grep and diff work too. */
void output_object(const json_t *object);
void output_list(const json_t *rows);
