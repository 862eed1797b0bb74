/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* For the tests of the configuration reader: files in a directory of their own, and what the reader
 * says about them. */

#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "config.h"

#define FILE_NAME "gateway.conf"
#define LINES_MAX 64

struct said {
	enum config_result result;
	struct config *config;
	unsigned n;
	char *lines[LINES_MAX];
};

static inline void
say_line(void *context, const char *line)
{
	struct said *said = context;

	assert_null(strchr(line, '\n'));
	if (said->n < LINES_MAX)
		said->lines[said->n] = strdup(line);
	said->n++;
}

/* Loads a file; said_clear() ends it. */
static inline struct said
load_file(const char *path)
{
	struct said said = { 0 };

	said.result = config_load(path, &said.config, say_line, &said);
	assert_int_equal(said.config != NULL, said.result == CONFIG_GOOD);
	assert_int_equal(said.n == 0, said.result == CONFIG_GOOD);
	return said;
}

static inline void
said_clear(struct said *said)
{
	for (unsigned i = 0; i < said->n && i < LINES_MAX; i++)
		free(said->lines[i]);
	config_free(said->config);
	memset(said, 0, sizeof(*said));
}

static inline void
write_bytes(const char *path, const char *bytes, size_t n, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), (ssize_t)n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static inline void
write_text(const char *path, const char *text)
{
	write_bytes(path, text, strlen(text), 0600);
}

static inline struct said
load_text(const char *text)
{
	write_text(FILE_NAME, text);
	return load_file(FILE_NAME);
}

/* Group set-up and tear-down: the tests run in a new directory, in memory where there is such a
 * place, for some write thousands of files. */
static char directory[64];

static inline int
enter_directory(void **state)
{
	(void)state;
	strcpy(directory, "/dev/shm/espalier-config-XXXXXX");
	if (mkdtemp(directory) == NULL) {
		strcpy(directory, "/tmp/espalier-config-XXXXXX");
		if (mkdtemp(directory) == NULL)
			return -1;
	}
	return chdir(directory);
}

static inline int
leave_directory(void **state)
{
	static const char *const files[] = { FILE_NAME, "a.conf", "b.conf", "fifo", "sub/c.conf" };

	(void)state;
	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(files[i]);
	rmdir("sub");
	return chdir("/") < 0 || rmdir(directory) < 0;
}
