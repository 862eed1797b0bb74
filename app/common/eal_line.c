/* SPDX-License-Identifier: BSD-3-Clause */
#include "eal_line.h"

#include <getopt.h>
#include <string.h>

#include "log.h"

int
eal_line_end(int argc, char *const argv[])
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--") == 0)
			return i;
	return argc;
}

bool
eal_line_has(int argc, char *const argv[], const char *word)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], word) == 0)
			return true;
	return false;
}

bool
eal_line_read(int argc, char *argv[], const char *letters, const struct option *known,
	eal_line_fn read, void *options)
{
	int end = eal_line_end(argc, argv);
	int option;

	/* getopt takes argv[end], the "--", for the program's name; its messages begin with it. */
	argv[end] = argv[0];
	optind = 1;
	while ((option = getopt_long(argc - end, argv + end, letters, known, NULL)) != -1) {
		if (option == '?') { /* getopt has said what is wrong */
			log_info("see --help");
			return false;
		}
		if (!read(option, options))
			return false;
	}
	if (end + optind < argc) {
		log_error("'%s' is not an option (see --help)", argv[end + optind]);
		return false;
	}
	return true;
}
