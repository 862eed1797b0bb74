/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <sys/un.h>

/*
 * Where the preload library meets the broker: a directory that only our user may enter, with one
 * listening socket for each family. Paths, unlike abstract names, are the same in all network
 * namespaces, so `ip netns exec` may stand anywhere in the command.
 */

enum rendezvous_family { RENDEZVOUS_XFRM, RENDEZVOUS_ROUTE, RENDEZVOUS_FAMILIES };

struct rendezvous_door {
	int fd; /* listens; -1: this family is not carried */
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

struct rendezvous {
	char directory[64]; /* empty: not made */
	struct rendezvous_door doors[RENDEZVOUS_FAMILIES];
};

/* Makes the directory and the doors of the families (bits 1 << enum), and removes directories of
 * our user in which nobody listens any more. 0, or -1 and said. */
int rendezvous_open(struct rendezvous *rendezvous, unsigned families);
/* Removes all that; nothing remains in the file system. */
void rendezvous_close(struct rendezvous *rendezvous);
/* Sets what the preload library reads, in our environment. 0 or -1. */
int rendezvous_export(const struct rendezvous *rendezvous);
