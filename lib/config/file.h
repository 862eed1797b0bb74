/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A file read into memory. It may hold keys: its memory is wiped before it is freed. */

#define FILE_BYTES_MAX ((size_t)256 << 20)

struct file {
	char *path;
	char *bytes; /* followed by one zero byte */
	size_t size;
	mode_t mode; /* of what was read, not of what has the name now */
	dev_t device;
	ino_t inode;
};

/* Reads a regular file. NULL on failure, with the reason (a static string) in `why`. */
struct file *file_read(const char *path, const char **why);

/* Wipes and frees. NULL is fine. */
void file_free(struct file *file);

/* Are they the same file, whatever their names? */
bool file_same(const struct file *a, const struct file *b);
