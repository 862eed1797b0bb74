/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <limits.h>

/*
 * Finds the program that a command names, and finds out before it is started whether the loader
 * would preload our library into it: a program that goes past us would talk to the kernel.
 */

enum program_verdict {
	PROGRAM_GOOD,
	PROGRAM_NOT_FOUND,
	PROGRAM_REFUSED, /* cannot be executed, or would not be carried */
};

struct program {
	char path[PATH_MAX];
	char refusal[PATH_MAX + 256]; /* in words, unless it is good */
};

/* Looks `name` up as a shell does, and follows scripts to their interpreters. */
enum program_verdict program_find(struct program *program, const char *name);
