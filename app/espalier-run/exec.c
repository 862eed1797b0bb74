/* SPDX-License-Identifier: BSD-3-Clause */
#include <alloca.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "next.h"
#include "order.h"

/*
 * What a program starts is carried with it, even in an environment made from nothing, as charon
 * makes one for updown scripts: what names the library and the broker is put back where it is
 * missing. execl() and its like, whose arguments would have to be counted, are left alone.
 * Everything but the constructor may run between fork and exec, so it allocates nothing.
 */

static const char *const names[] = {
	"LD_PRELOAD",
	ORDER_ENVIRONMENT_XFRM,
	ORDER_ENVIRONMENT_ROUTE,
};

#define N_KEPT (sizeof(names) / sizeof(names[0]))

/* NAME=value, as the program began with them; NULL: that one was not set. */
static char *kept[N_KEPT];

__attribute__((constructor)) static void
keep(void)
{
	next(); /* the loader is not to be asked after a fork */
	for (unsigned i = 0; i < N_KEPT; i++) {
		const char *value = secure_getenv(names[i]);

		if (value != NULL && asprintf(&kept[i], "%s=%s", names[i], value) < 0)
			kept[i] = NULL;
	}
}

/* NULL is an empty environment, as for the kernel. */
static size_t
count(char *const environment[])
{
	size_t n = 0;

	while (environment != NULL && environment[n] != NULL)
		n++;
	return n;
}

/* What complete() needs, in bytes. */
static size_t
room(char *const environment[])
{
	return (count(environment) + N_KEPT + 1) * sizeof(*environment);
}

static bool
has(char *const environment[], size_t n, const char *entry)
{
	size_t name = strcspn(entry, "=") + 1;

	for (size_t i = 0; i < n; i++)
		if (strncmp(environment[i], entry, name) == 0)
			return true;
	return false;
}

/* The environment with what it lacks, in `list`, which has the room. */
static char *const *
complete(char *const environment[], char *list[])
{
	size_t given = count(environment), n = given;

	for (size_t i = 0; i < given; i++)
		list[i] = environment[i];
	for (unsigned i = 0; i < N_KEPT; i++)
		if (kept[i] != NULL && !has(environment, given, kept[i]))
			list[n++] = kept[i];
	list[n] = NULL;
	return list;
}

EXPORT int
execve(const char *path, char *const arguments[], char *const environment[])
{
	char **list = alloca(room(environment));

	return next()->execve(path, arguments, complete(environment, list));
}

EXPORT int
execvpe(const char *name, char *const arguments[], char *const environment[])
{
	char **list = alloca(room(environment));

	return next()->execvpe(name, arguments, complete(environment, list));
}

EXPORT int
execv(const char *path, char *const arguments[])
{
	return execve(path, arguments, environ);
}

EXPORT int
execvp(const char *name, char *const arguments[])
{
	return execvpe(name, arguments, environ);
}

EXPORT int
posix_spawn(pid_t *restrict pid, const char *restrict path,
	const posix_spawn_file_actions_t *restrict actions,
	const posix_spawnattr_t *restrict attributes, char *const arguments[restrict],
	char *const environment[restrict])
{
	char **list = alloca(room(environment));

	return next()->posix_spawn(
		pid, path, actions, attributes, arguments, complete(environment, list));
}

EXPORT int
posix_spawnp(pid_t *restrict pid, const char *restrict name,
	const posix_spawn_file_actions_t *restrict actions,
	const posix_spawnattr_t *restrict attributes, char *const arguments[restrict],
	char *const environment[restrict])
{
	char **list = alloca(room(environment));

	return next()->posix_spawnp(
		pid, name, actions, attributes, arguments, complete(environment, list));
}
