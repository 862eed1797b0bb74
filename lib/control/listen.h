/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

/*
 * A listening socket in the file system: takes the place of one that nobody serves any more, never
 * of one that somebody does. Control, at start and end.
 */

#define LISTEN_GROUP "espalier" /* may use the sockets, where the machine has that group */

struct listen_socket {
	int fd; /* -1: none */
	struct sockaddr_un address;
	dev_t device; /* of the file, so that nobody else's is removed */
	ino_t inode;
};

/* Makes the directory of `path`, mode 0750 and for the group, unless it is there. 0 or -1, with one
 * line in `error`. */
int listen_directory(const char *path, char *error, size_t error_bytes);

/* Listens at `path` with that mode, non-blocking. 0, or -1 with one line in `error`. */
int listen_open(struct listen_socket *listener, const char *path, mode_t mode, char *error,
	size_t error_bytes);
/* Closes it and removes its file, if it is still its own. One that is closed is fine. */
void listen_close(struct listen_socket *listener);
