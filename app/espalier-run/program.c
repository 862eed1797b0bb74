/* SPDX-License-Identifier: BSD-3-Clause */
#include "program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "compiler.h"

#define SCRIPTS_MAX 5 /* as the kernel has it */
#define HEAD_BYTES 256
#define LOADER_BYTES 256
#define SEGMENTS_MAX 64
#define FALLBACK_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static enum program_verdict
	PRINTF_LIKE(2, 3) refuse(struct program *program, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(program->refusal, sizeof(program->refusal), format, args);
	va_end(args);
	return PROGRAM_REFUSED;
}

/* --- where it is --- */

static bool
executable(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

static bool
search(struct program *program, const char *name)
{
	const char *at = getenv("PATH");

	if (at == NULL)
		at = FALLBACK_PATH;
	for (;;) {
		int bytes = (int)strcspn(at, ":");
		int length = snprintf(program->path, sizeof(program->path), "%.*s%s%s", bytes, at,
			bytes > 0 ? "/" : "./", name);

		if (length < (int)sizeof(program->path) && executable(program->path))
			return true;
		if (at[bytes] == '\0')
			return false;
		at += bytes + 1;
	}
}

/* --- whether it would be carried --- */

/* A file that the kernel gives more rights than we have runs in the loader's secure mode. */
static bool
privileged(int fd, const struct stat *status, const char **how)
{
	*how = NULL;
	if ((status->st_mode & S_ISUID) != 0)
		*how = "is setuid";
	else if ((status->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		*how = "is setgid";
	else if (fgetxattr(fd, "security.capability", NULL, 0) > 0)
		*how = "has file capabilities";
	return *how != NULL;
}

/* Where the parts of an ELF file stand. */
struct segments {
	Elf64_Phdr rows[SEGMENTS_MAX];
	unsigned n;
};

/* False: it is no ELF of ours. */
static bool
read_segments(int fd, struct segments *segments)
{
	Elf64_Ehdr header;

	if (pread(fd, &header, sizeof(header), 0) != sizeof(header) ||
		memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
		header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64 ||
		header.e_phentsize != sizeof(segments->rows[0]) || header.e_phnum > SEGMENTS_MAX)
		return false;
	segments->n = header.e_phnum;
	size_t bytes = segments->n * sizeof(segments->rows[0]);
	return pread(fd, segments->rows, bytes, (off_t)header.e_phoff) == (ssize_t)bytes;
}

/* The loader that it asks for; empty: none, it is static. False: that cannot be read. */
static bool
read_loader(int fd, const struct segments *segments, char loader[LOADER_BYTES])
{
	loader[0] = '\0';
	for (unsigned i = 0; i < segments->n; i++) {
		const Elf64_Phdr *segment = &segments->rows[i];
		size_t length = segment->p_filesz;

		if (segment->p_type != PT_INTERP)
			continue;
		if (length == 0 || length > LOADER_BYTES ||
			pread(fd, loader, length, (off_t)segment->p_offset) != (ssize_t)length)
			return false;
		loader[length - 1] = '\0';
	}
	return true;
}

/* Is there a note of Go's linker in the segment? */
static bool
has_go_note(int fd, const Elf64_Phdr *segment)
{
	const uint64_t align = segment->p_align == 8 ? 8 : 4;
	uint64_t at = segment->p_offset, end = at + segment->p_filesz;
	struct {
		Elf64_Nhdr header;
		char name[sizeof("Go")];
	} note;

	while (at < end && pread(fd, &note, sizeof(note), (off_t)at) == (ssize_t)sizeof(note)) {
		uint64_t name = note.header.n_namesz, text = note.header.n_descsz;

		if (name >= sizeof(note.name) && name <= sizeof(note.name) + 1 &&
			memcmp(note.name, "Go", sizeof(note.name)) == 0)
			return true;
		at += (sizeof(note.header) + name + align - 1) / align * align;
		at += (text + align - 1) / align * align;
	}
	return false;
}

/* Go's programs are linked to the C library, and make their system calls by hand all the same. */
static bool
made_by_go(int fd, const struct segments *segments)
{
	for (unsigned i = 0; i < segments->n; i++)
		if (segments->rows[i].p_type == PT_NOTE && has_go_note(fd, &segments->rows[i]))
			return true;
	return false;
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* The library is made for the C library that we run on ourselves. */
static bool
our_loader(const char *loader)
{
	char ours[LOADER_BYTES] = "";
	struct segments segments;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	bool known = fd >= 0 && read_segments(fd, &segments) && read_loader(fd, &segments, ours);

	if (fd >= 0)
		close(fd);
	return !known || strcmp(base_name(ours), base_name(loader)) == 0;
}

static enum program_verdict
judge_binary(struct program *program, const char *path, int fd)
{
	const char *how;
	struct stat status;
	struct segments segments;
	char loader[LOADER_BYTES];

	if (fstat(fd, &status) == 0 && privileged(fd, &status, &how))
		return refuse(program,
			"%s %s: the loader preloads nothing into it, and its netlink would go to "
			"the kernel",
			path, how);
	if (!read_segments(fd, &segments) || !read_loader(fd, &segments, loader))
		return refuse(program, "%s is neither a 64-bit x86 program nor a script", path);
	if (loader[0] == '\0')
		return refuse(program,
			"%s is statically linked: nothing can be preloaded into it, and its "
			"netlink would go to the kernel",
			path);
	if (made_by_go(fd, &segments))
		return refuse(program,
			"%s is a program in Go: it makes its system calls by hand, past everything "
			"preloaded, and its netlink would go to the kernel",
			path);
	if (!our_loader(loader))
		return refuse(program, "%s is made for another C library (%s)", path, loader);
	return PROGRAM_GOOD;
}

/* Cuts the interpreter's path out of a script's first line; NULL: that is no script. */
static char *
interpreter(char *head)
{
	if (head[0] != '#' || head[1] != '!')
		return NULL;
	char *path = head + 2 + strspn(head + 2, " \t");
	path[strcspn(path, " \t\n")] = '\0';
	return path;
}

static enum program_verdict
judge(struct program *program)
{
	char head[HEAD_BYTES + 1], path[PATH_MAX];

	memcpy(path, program->path, sizeof(path));
	for (unsigned depth = 0; depth < SCRIPTS_MAX; depth++) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t bytes = fd < 0 ? -1 : pread(fd, head, HEAD_BYTES, 0);

		if (bytes < 0) {
			int error = errno;

			if (fd >= 0)
				close(fd);
			return refuse(program, "cannot read %s, to see what it is: %s", path,
				strerror(error));
		}
		head[bytes] = '\0';
		const char *next = interpreter(head);
		enum program_verdict verdict =
			next == NULL ? judge_binary(program, path, fd) : PROGRAM_GOOD;
		close(fd);
		if (next == NULL)
			return verdict;
		snprintf(path, sizeof(path), "%s", next);
	}
	return refuse(program, "%s is a script of scripts of scripts", program->path);
}

enum program_verdict
program_find(struct program *program, const char *name)
{
	bool direct = strchr(name, '/') != NULL;

	if (direct && snprintf(program->path, sizeof(program->path), "%s", name) >= PATH_MAX)
		return refuse(program, "the path of the program is too long");
	if (direct ? access(name, F_OK) < 0 : !search(program, name)) {
		refuse(program, "%s is not found%s", name, direct ? "" : " in PATH");
		return PROGRAM_NOT_FOUND;
	}
	if (!executable(program->path))
		return refuse(program, "%s cannot be executed", program->path);
	return judge(program);
}
