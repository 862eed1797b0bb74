/* SPDX-License-Identifier: BSD-3-Clause */
#include "rendezvous.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "compiler.h"
#include "log.h"
#include "order.h"

#define BACKLOG 64
#define DIRECTORY_PREFIX "espalier-run."
#define FRESH_SECONDS 60

static const char *const names[RENDEZVOUS_FAMILIES] = {
	[RENDEZVOUS_XFRM] = "xfrm",
	[RENDEZVOUS_ROUTE] = "route",
};

static const char *const variables[RENDEZVOUS_FAMILIES] = {
	[RENDEZVOUS_XFRM] = ORDER_ENVIRONMENT_XFRM,
	[RENDEZVOUS_ROUTE] = ORDER_ENVIRONMENT_ROUTE,
};

static void
set_path(struct sockaddr_un *address, const char *directory, enum rendezvous_family family)
{
	*address = (struct sockaddr_un) { .sun_family = AF_UNIX };
	snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s", directory, names[family]);
}

/* --- what others left behind --- */

/* Does nobody listen there any more? A socket that is not there at all says nothing. */
static bool
deserted(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool refused = fd >= 0 &&
		connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
		errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return refused;
}

/* Our own, and old enough that its owner has come to listen. */
static bool
may_be_stale(const char *directory)
{
	struct stat status;

	return lstat(directory, &status) == 0 && S_ISDIR(status.st_mode) &&
		status.st_uid == geteuid() && status.st_mtime + FRESH_SECONDS < time(NULL);
}

/* Removes the doors that nobody stands behind, and the directory when no other is left in it. */
static void
sweep_directory(const char *directory)
{
	struct sockaddr_un address;

	for (unsigned i = 0; i < RENDEZVOUS_FAMILIES; i++) {
		set_path(&address, directory, i);
		if (deserted(&address))
			unlink(address.sun_path);
	}
	rmdir(directory);
}

/* Directories of those that were killed and could not remove them. */
static void
sweep(const char *place)
{
	char path[sizeof(((struct rendezvous *)NULL)->directory)];
	const struct dirent *entry;
	DIR *entries = opendir(place);

	while (entries != NULL && (entry = readdir(entries)) != NULL) {
		if (strncmp(entry->d_name, DIRECTORY_PREFIX, strlen(DIRECTORY_PREFIX)) != 0)
			continue;
		int length = snprintf(path, sizeof(path), "%s/%s", place, entry->d_name);
		if (length < (int)sizeof(path) && may_be_stale(path))
			sweep_directory(path);
	}
	if (entries != NULL)
		closedir(entries);
}

/* --- our own --- */

static int
make_directory(struct rendezvous *rendezvous)
{
	const char *own = getenv("XDG_RUNTIME_DIR");
	const char *const places[] = { geteuid() == 0 ? "/run" : own, "/tmp" };

	for (unsigned i = 0; i < ARRAY_LEN(places); i++) {
		const char *place = places[i] != NULL ? places[i] : "/tmp";
		int length = snprintf(rendezvous->directory, sizeof(rendezvous->directory),
			"%s/" DIRECTORY_PREFIX "XXXXXX", place);

		sweep(place);

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
	struct sockaddr_un address;

	set_path(&address, rendezvous->directory, family);
	memcpy(door->path, address.sun_path, sizeof(door->path));
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
