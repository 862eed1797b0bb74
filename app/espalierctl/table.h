/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <jansson.h>

/*
 * Tables for people, out of JSON objects: a table is a list of column descriptions, and nothing
 * here knows what is in them.
 */

enum column_format {
	COLUMN_TEXT,   /* as it is; null is "-" */
	COLUMN_NUMBER, /* right-aligned */
	COLUMN_COUNT,  /* right-aligned, thousands apart: 1,234,567 */
	COLUMN_BYTES,  /* right-aligned with a unit: 1.23 GB */
	COLUMN_LIST,   /* an array of texts: a, b */
	COLUMN_WAY,    /* a next hop: "conn1", "lan0 via 10.0.0.1", "local" */
	COLUMN_WAYS,   /* an array of next hops, with weights where they differ */
};

struct column {
	const char *heading; /* NULL ends a list of columns */
	const char *path;    /* keys of the row: "name", "tx.packets"; "": the row itself */
	enum column_format format;
};

/* Prints headings and rows to stdout. */
void table_print(const struct column columns[], const json_t *rows);
/* Prints one row as "heading: value" lines. */
void table_print_one(const struct column columns[], const json_t *row);

/* A next hop in words; the caller frees it. */
char *table_way(const json_t *way);
