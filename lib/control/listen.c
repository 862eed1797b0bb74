/* SPDX-License-Identifier: BSD-3-Clause */
#include "listen.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 64

/* The group's id, or -1, which leaves a file's group alone. */
static gid_t
group_id(void)
{
	const struct group *group = getgrnam(LISTEN_GROUP);

	return group == NULL ? (gid_t)-1 : group->gr_gid;
}

int
listen_directory(const char *path, char *error, size_t error_bytes)
{
	char directory[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int length = snprintf(directory, sizeof(directory), "%s", path);
	char *slash = strrchr(directory, '/');

	/* listen_open() says what is wrong with a path that long. */
	if (length >= (int)sizeof(directory) || slash == NULL || slash == directory)
		return 0;
	*slash = '\0';
	if (mkdir(directory, 0750) < 0) {
		if (errno == EEXIST)
			return 0;
		snprintf(error, error_bytes, "cannot make the directory %s: %s", directory,
			strerror(errno));
		return -1;
	}
	/* The umask may have taken bits away. */
	if (chown(directory, (uid_t)-1, group_id()) < 0 || chmod(directory, 0750) < 0) {
		snprintf(error, error_bytes, "cannot give %s to group %s: %s", directory,
			LISTEN_GROUP, strerror(errno));
		return -1;
	}
	return 0;
}

static int
make_socket(void)
{
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* 0: somebody serves the address; or an errno. */
static int
knock(const struct sockaddr_un *address)
{
	int probe = make_socket(), refused = 0;

	if (probe < 0 || connect(probe, (const struct sockaddr *)address, sizeof(*address)) < 0)
		refused = errno;
	if (probe >= 0)
		close(probe);
	return refused;
}

/* Removes the file at the address where it is a socket that nobody serves: 0, else -1 and why. */
static int
remove_stale(const struct sockaddr_un *address, char *error, size_t error_bytes)
{
	struct stat status;

	if (lstat(address->sun_path, &status) < 0) {
		if (errno == ENOENT)
			return 0;
		snprintf(error, error_bytes, "cannot look at %s: %s", address->sun_path,
			strerror(errno));
		return -1;
	}
	if (!S_ISSOCK(status.st_mode)) {
		snprintf(error, error_bytes, "%s is there and is no socket", address->sun_path);
		return -1;
	}
	int refused = knock(address);
	if (refused == ECONNREFUSED && unlink(address->sun_path) == 0)
		return 0;
	if (refused == 0 || refused == EAGAIN)
		snprintf(error, error_bytes, "another espalier listens at %s", address->sun_path);
	else
		snprintf(error, error_bytes, "cannot replace %s: %s", address->sun_path,
			strerror(refused == ECONNREFUSED ? errno : refused));
	return -1;
}

/* Binds, listens and notes the file. NULL, or what cannot be done, with errno. */
static const char *
bind_and_listen(struct listen_socket *listener, mode_t mode)
{
	const struct sockaddr *address = (const struct sockaddr *)&listener->address;
	const char *path = listener->address.sun_path;
	const char *failed = NULL;
	struct stat status;

	if (bind(listener->fd, address, sizeof(listener->address)) < 0)
		return "listen there";
	/* Until listen() nobody can connect, so the mode is right before it matters. */
	if (chown(path, (uid_t)-1, group_id()) < 0)
		failed = "give it to group " LISTEN_GROUP " (root and its members can)";
	else if (chmod(path, mode) < 0 || lstat(path, &status) < 0 ||
		listen(listener->fd, BACKLOG) < 0)
		failed = "listen there";
	if (failed != NULL) {
		int why = errno;
		unlink(path);
		errno = why;
		return failed;
	}
	listener->device = status.st_dev;
	listener->inode = status.st_ino;
	return NULL;
}

int
listen_open(struct listen_socket *listener, const char *path, mode_t mode, char *error,
	size_t error_bytes)
{
	*listener = (struct listen_socket) { .fd = -1, .address.sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(listener->address.sun_path)) {
		snprintf(error, error_bytes, "a socket's path has at most %zu bytes: %s",
			sizeof(listener->address.sun_path) - 1, path);
		return -1;
	}
	memcpy(listener->address.sun_path, path, strlen(path) + 1);
	if (remove_stale(&listener->address, error, error_bytes) < 0)
		return -1;
	const char *failed = "listen there";
	listener->fd = make_socket();
	if (listener->fd >= 0)
		failed = bind_and_listen(listener, mode);
	if (failed != NULL) {
		snprintf(error, error_bytes, "%s: cannot %s: %s", path, failed, strerror(errno));
		if (listener->fd >= 0)
			close(listener->fd);
		listener->fd = -1;
		return -1;
	}
	return 0;
}

void
listen_close(struct listen_socket *listener)
{
	struct stat status;

	if (listener->fd < 0)
		return;
	if (lstat(listener->address.sun_path, &status) == 0 && status.st_dev == listener->device &&
		status.st_ino == listener->inode)
		unlink(listener->address.sun_path);
	close(listener->fd);
	listener->fd = -1;
}
