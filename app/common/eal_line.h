/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>

struct option;

/* The command line of a DPDK program, as testpmd has it: `program [EAL options] -- [options]`. */

#define EXIT_BAD_INPUT 2 /* a bad option or configuration file, or it cannot start */

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_BAD };

/* Reads one option, whose value is getopt's `optarg`. False: said why. */
typedef bool (*eal_line_fn)(int option, void *options);

/* Where EAL's arguments end: at "--", or at the end of the line. */
int eal_line_end(int argc, char *const argv[]);

/*
 * Is this word in the line, before or behind "--"? For --help and --version: whoever asks for help
 * has not read about "--" yet.
 */
bool eal_line_has(int argc, char *const argv[], const char *word);

/*
 * Has `read` take each option behind "--", which must be there; `letters` and `known` are
 * getopt_long's. False: said what is wrong.
 */
bool eal_line_read(int argc, char *argv[], const char *letters, const struct option *known,
	eal_line_fn read, void *options);
