/* SPDX-License-Identifier: BSD-3-Clause */
#include "rendezvous.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler.h"
#include "log.h"
#include "order.h"

#define BACKLOG 64

static const char *const names[RENDEZVOUS_FAMILIES] = {
	[RENDEZVOUS_XFRM] = "xfrm",
	[RENDEZVOUS_ROUTE] = "route",
};

static const char *const variables[RENDEZVOUS_FAMILIES] = {
	[RENDEZVOUS_XFRM] = ORDER_ENVIRONMENT_XFRM,
	[RENDEZVOUS_ROUTE] = ORDER_ENVIRONMENT_ROUTE,
};

static int
make_directory(struct rendezvous *rendezvous)
{
	const char *own = getenv("XDG_RUNTIME_DIR");
	const char *const places[] = { geteuid() == 0 ? "/run" : own, "/tmp" };

	for (unsigned i = 0; i < ARRAY_LEN(places); i++) {
		int length = snprintf(rendezvous->directory, sizeof(rendezvous->directory),
			"%s/espalier-run.XXXXXX", places[i] != NULL ? places[i] : "/tmp");

		if (length < (int)sizeof(rendezvous->directory) &&
			mkdtemp(rendezvous->directory) != NULL)
			return 0; /* mode 0700 */
	}
	log_error("cannot make a directory under /tmp: %s", strerror(errno));
	rendezvous->directory[0] = '\0';
	return -1;
}

static int
open_door(struct rendezvous *rendezvous, enum rendezvous_family family)
{
	struct rendezvous_door *door = &rendezvous->doors[family];
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(door->path, sizeof(door->path), "%s/%s", rendezvous->directory, names[family]);
	memcpy(address.sun_path, door->path, sizeof(door->path));
	door->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (door->fd >= 0 &&
		bind(door->fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
		listen(door->fd, BACKLOG) == 0)
		return 0;
	log_error("cannot listen at %s: %s", door->path, strerror(errno));
	return -1;
}

int
rendezvous_open(struct rendezvous *rendezvous, unsigned families)
{
	if (make_directory(rendezvous) < 0)
		return -1;
	for (unsigned i = 0; i < RENDEZVOUS_FAMILIES; i++)
		if ((families >> i & 1) != 0 && open_door(rendezvous, i) < 0)
			return -1;
	return 0;
}

void
rendezvous_close(struct rendezvous *rendezvous)
{
	for (unsigned i = 0; i < RENDEZVOUS_FAMILIES; i++) {
		struct rendezvous_door *door = &rendezvous->doors[i];

		if (door->path[0] != '\0')
			unlink(door->path);
		if (door->fd >= 0)
			close(door->fd);
	}
	if (rendezvous->directory[0] != '\0')
		rmdir(rendezvous->directory);
}

int
rendezvous_export(const struct rendezvous *rendezvous)
{
	for (unsigned i = 0; i < RENDEZVOUS_FAMILIES; i++) {
		const struct rendezvous_door *door = &rendezvous->doors[i];
		int status = door->fd >= 0 ? setenv(variables[i], door->path, 1)
					   : unsetenv(variables[i]);

		if (status < 0)
			return -1;
	}
	return 0;
}
