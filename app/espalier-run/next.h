/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <net/if.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * The calls that the preload library stands in front of. Within the library their names mean our
 * own versions; the C library's are these.
 */

#define EXPORT __attribute__((visibility("default")))

/* What programs built with _FORTIFY_SOURCE call for recv, read and recvfrom. */
ssize_t __recv_chk(int fd, void *buffer, size_t bytes, size_t room, int flags);
ssize_t __read_chk(int fd, void *buffer, size_t bytes, size_t room);
ssize_t __recvfrom_chk(int fd, void *buffer, size_t bytes, size_t room, int flags,
	__SOCKADDR_ARG address, socklen_t *address_bytes);

struct next {
	__typeof__(socket) *socket;
	__typeof__(bind) *bind;
	__typeof__(connect) *connect;
	__typeof__(getsockname) *getsockname;
	__typeof__(getpeername) *getpeername;
	__typeof__(setsockopt) *setsockopt;
	__typeof__(getsockopt) *getsockopt;
	__typeof__(send) *send;
	__typeof__(sendto) *sendto;
	__typeof__(sendmsg) *sendmsg;
	ssize_t (*write)(int fd, const void *data, size_t bytes);
	__typeof__(recv) *recv;
	ssize_t (*read)(int fd, void *buffer, size_t bytes);
	__typeof__(recvfrom) *recvfrom;
	__typeof__(readv) *readv;
	__typeof__(__recv_chk) *recv_chk;
	__typeof__(__read_chk) *read_chk;
	__typeof__(__recvfrom_chk) *recvfrom_chk;
	__typeof__(recvmsg) *recvmsg;
	__typeof__(sendmmsg) *sendmmsg;
	__typeof__(recvmmsg) *recvmmsg;
	__typeof__(if_nametoindex) *if_nametoindex;
	__typeof__(if_indextoname) *if_indextoname;
	__typeof__(execve) *execve;
	__typeof__(execvpe) *execvpe;
	__typeof__(posix_spawn) *posix_spawn;
	__typeof__(posix_spawnp) *posix_spawnp;
};

/* Found at first use, which may be before our constructor: other libraries' may open sockets. */
const struct next *next(void);
