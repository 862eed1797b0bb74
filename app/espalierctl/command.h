/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>

/*
 * The subcommands: what each is called, how its help teaches it, and what it does. main.c holds the
 * table of them.
 */

/* Exit statuses. `check` has its own meaning for the last: the file cannot be read. */
enum { EXIT_GOOD = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

/* What the command line said, options of all subcommands together; NULL: not given. */
struct arguments {
	const char *socket; /* never NULL */
	bool json;
	bool nonzero; /* of show drops */
	const char *from, *to, *protocol, *sport, *dport;
	char **operands; /* behind the subcommand's name */
	int n_operands;
};

/* Each returns an exit status and has said on stderr what is wrong. */
int show_run(const struct arguments *arguments);
int explain_run(const struct arguments *arguments);
int check_run(const struct arguments *arguments);
int resume_run(const struct arguments *arguments);
int tunnel_run(const struct arguments *arguments);

/* Writes the list of what `show` can show. */
void show_help(void);

/* Says on stderr that the command line is wrong, and where help is; returns EXIT_USAGE. */
int usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
