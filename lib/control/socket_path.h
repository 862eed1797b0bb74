/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * The path of the read-only socket that stands beside a read-write one: ESPALIER_SOCKET_RO_SUFFIX
 * before the extension of the file's name, or behind a name that has none. False when it has no
 * room. For the server and its clients; pure.
 */
bool socket_path_ro(const char *path, char *ro, size_t ro_bytes);
