/* SPDX-License-Identifier: BSD-3-Clause */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads `size` bytes and sees that there is no more. NULL: all is well, else why not. */
static const char *
fill(int fd, char *bytes, size_t size)
{
	size_t have = 0;

	/* One byte more than the size, so that a file that grows shows. */
	while (have <= size) {
		ssize_t n = read(fd, bytes + have, size + 1 - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return strerror(errno);
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return have == size ? NULL : "it changed while it was read; try again";
}

static const char *
load(int fd, const char *path, struct file *file)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return strerror(errno);
	if (S_ISDIR(status.st_mode))
		return strerror(EISDIR);
	if (!S_ISREG(status.st_mode))
		return "it is not a regular file";
	if ((size_t)status.st_size > FILE_BYTES_MAX)
		return "it is larger than 256 MiB";
	file->size = (size_t)status.st_size;
	file->mode = status.st_mode;
	file->device = status.st_dev;
	file->inode = status.st_ino;
	file->path = strdup(path);
	/* Never reallocated: that would leave a copy behind. */
	file->bytes = malloc(file->size + 1);
	if (file->path == NULL || file->bytes == NULL)
		return strerror(ENOMEM);
	const char *why = fill(fd, file->bytes, file->size);
	if (why == NULL)
		file->bytes[file->size] = '\0';
	return why;
}

struct file *
file_read(const char *path, const char **why)
{
	/* Without O_NONBLOCK a FIFO would be waited for, before anyone can see that it is one. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		*why = strerror(errno);
		return NULL;
	}
	struct file *file = calloc(1, sizeof(*file));
	*why = file == NULL ? strerror(ENOMEM) : load(fd, path, file);
	close(fd);
	if (*why == NULL)
		return file;
	file_free(file);
	return NULL;
}

void
file_free(struct file *file)
{
	if (file == NULL)
		return;
	if (file->bytes != NULL)
		explicit_bzero(file->bytes, file->size + 1);
	free(file->bytes);
	free(file->path);
	free(file);
}

bool
file_same(const struct file *a, const struct file *b)
{
	return a->device == b->device && a->inode == b->inode;
}
