/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "compiler.h"
#include "config.h"
#include "index.h"
#include "source.h"

/*
 * Reads groups of settings by tables: a row says what a setting is called, which function reads it,
 * what it may be and where it goes. All that is wrong is collected, so that one run tells it all.
 */

struct reader {
	struct source *source;
	struct config *config;
	struct array reports; /* struct report: unsorted */
	bool out_of_memory;

	/* What sections know of those before them. Texts of a file are read in the order of
	 * sections[] in config.c, wherever they stand. */
	struct index ports;           /* name -> number */
	struct index tunnels;         /* name -> number */
	struct index interfaces;      /* names in the kernel */
	struct index addresses;       /* our own, uint32_t -> number of the port or OF_TUNNEL */
	bool port_addresses_complete; /* none was refused, so what is missing is missing */
};

#define OF_TUNNEL UINT32_MAX

/* Stands where an address was refused, so that nothing more is said about it. */
#define ADDRESS_REFUSED UINT32_MAX

enum need { OPTIONAL, REQUIRED };

/* One setting of a group. */
struct field {
	const char *name;
	enum need need;
	/* Reads the setting into `value`; false when it is wrong, which has been told then. */
	bool (*read)(struct reader *reader, const struct field *field,
		const config_setting_t *setting, void *value);
	size_t offset;     /* of the value in the record */
	uint64_t min, max; /* of a number, of a text's bytes */
};

/* All settings of one kind of group; at most 32. */
struct fields {
	const char *of; /* "a port" */
	const struct field *field;
	unsigned n;
};

/* Which fields of a group were there, and which were good: bits by row. */
struct fields_read {
	uint32_t present;
	uint32_t good;
};

#define FIELD_BIT(row) (UINT32_C(1) << (row))

/* Were all of these rows good? */
static inline bool
fields_good(struct fields_read read, uint32_t rows)
{
	return (read.good & rows) == rows;
}

/* Says what is wrong, at the setting's place. */
void reader_error(struct reader *reader, const config_setting_t *setting, const char *format, ...)
	PRINTF_LIKE(3, 4);
/* The same, with `NAME = VALUE: ` in front; a value that may be a key is not shown. */
void reader_value_error(struct reader *reader, const config_setting_t *setting, const char *format,
	...) PRINTF_LIKE(3, 4);
/* The same at a line of the text. */
void
reader_line_error(struct reader *reader, unsigned line, const char *format, ...) PRINTF_LIKE(3, 4);

/* The line of the text that a setting or an array's element stands on. */
unsigned reader_line(const struct reader *reader, const config_setting_t *setting);
/* Its line in its file. */
int reader_file_line(const struct reader *reader, const config_setting_t *setting);

/* Reads a group into `record`: unknown, wrong and missing settings are told. */
struct fields_read reader_group(struct reader *reader, const config_setting_t *group,
	const struct fields *fields, void *record);

/*
 * Makes room for the elements of a list of groups: `*n` zeroed records of that size, NULL for none
 * or when memory ran out. What is not a list, or longer than `max`, is told.
 */
void *reader_list(struct reader *reader, const config_setting_t *setting, size_t record_bytes,
	unsigned max, unsigned *n);
/* The nth element of such a list; NULL, and told, if it is not a group. */
const config_setting_t *
reader_list_group(struct reader *reader, const config_setting_t *setting, unsigned n);

/* calloc() that remembers failure. */
void *reader_alloc(struct reader *reader, size_t n, size_t bytes);

/*
 * Adds to an index. True when that was the first with that key; else says at `setting` that `what`
 * is taken, and where.
 */
bool reader_unique(struct reader *reader, struct index *index, struct index_key key,
	unsigned number, const config_setting_t *setting, const char *what);

/* Tells all reports, sorted by place. True if there were any. */
bool reader_tell(struct reader *reader, config_error_fn report, void *context);
void reader_clear(struct reader *reader);
