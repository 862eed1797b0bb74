/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The command and all that comes out of it. We are their reaper: a daemon that leaves its parent is
 * ours then, and needs the broker as long as it lives.
 */

struct child {
	pid_t pid;         /* the command */
	int signal_fd;     /* readable: something to do for child_attend() */
	sigset_t mask;     /* as we were given it, for the command; */
	void (*pipe)(int); /* what SIGPIPE does, likewise */
	bool ended;        /* the command has */
	bool abandoned;    /* nothing that came out of it is left */
	int status;        /* its exit status as a shell tells it, once it ended */
};

struct child_command {
	const char *path;
	char **arguments;
	bool guarded; /* see guard.h */
};

/* Takes the signals over that will be forwarded. 0, or -1 and said. */
int child_prepare(struct child *child);
/* Starts it with our environment. 0, or -1 and said. */
int child_start(struct child *child, const struct child_command *command);
/* Forwards signals and takes note of who ended. */
void child_attend(struct child *child);
