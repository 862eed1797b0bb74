/* SPDX-License-Identifier: BSD-3-Clause */
#include "socket_path.h"

#include <stdio.h>
#include <string.h>

#include "protocol.h"

bool
socket_path_ro(const char *path, char *ro, size_t ro_bytes)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	const char *dot = strrchr(name, '.');
	/* A dot at the front hides a file; it starts no extension. */
	size_t stem = dot == NULL || dot == name ? strlen(path) : (size_t)(dot - path);
	int length = snprintf(
		ro, ro_bytes, "%.*s%s%s", (int)stem, path, ESPALIER_SOCKET_RO_SUFFIX, path + stem);

	return length > 0 && (size_t)length < ro_bytes;
}
