/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "protocol.h"
#include "table.h"

/* What `show` can show: data, no code but the order of rows. */

struct subject {
	const char *name;
	const char *description;
	const struct column *columns;
	/* Compares two rows as strcmp() does; NULL: the gateway's order is the sensible one. */
	int (*compare)(const json_t *a, const json_t *b);
	/* The key of a list in each row whose members are the table's rows; NULL: rows are rows. */
	const char *unfold;
};

/* Indexed by enum espalier_subject. */
extern const struct subject subjects[ESPALIER_SUBJECTS];

/* Of the list "stages" that workers' rows have in builds that count cycles per stage. */
extern const struct column subject_stage_columns[];
