/* SPDX-License-Identifier: BSD-3-Clause */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "carried.h"
#include "next.h"

/*
 * libespalier-run.so: stands between a program and the C library's socket calls and turns sockets
 * of the carried netlink families into connections to the broker. Those are real descriptors, so
 * dup, fcntl, close, poll, select and epoll need nothing of us; here and in receive.c is only where
 * AF_UNIX and AF_NETLINK differ: making and naming a socket, groups, and who sent what. MSG_PEEK
 * and MSG_TRUNC mean the same on both.
 *
 * A socket that cannot be carried fails; it never becomes one of the kernel's.
 */

static pthread_once_t found = PTHREAD_ONCE_INIT;
static struct next calls;

static void
find_next(void)
{
	calls.socket = dlsym(RTLD_NEXT, "socket");
	calls.bind = dlsym(RTLD_NEXT, "bind");
	calls.connect = dlsym(RTLD_NEXT, "connect");
	calls.getsockname = dlsym(RTLD_NEXT, "getsockname");
	calls.getpeername = dlsym(RTLD_NEXT, "getpeername");
	calls.setsockopt = dlsym(RTLD_NEXT, "setsockopt");
	calls.getsockopt = dlsym(RTLD_NEXT, "getsockopt");
	calls.send = dlsym(RTLD_NEXT, "send");
	calls.sendto = dlsym(RTLD_NEXT, "sendto");
	calls.sendmsg = dlsym(RTLD_NEXT, "sendmsg");
	calls.write = dlsym(RTLD_NEXT, "write");
	calls.recv = dlsym(RTLD_NEXT, "recv");
	calls.read = dlsym(RTLD_NEXT, "read");
	calls.recvfrom = dlsym(RTLD_NEXT, "recvfrom");
	calls.readv = dlsym(RTLD_NEXT, "readv");
	calls.recv_chk = dlsym(RTLD_NEXT, "__recv_chk");
	calls.read_chk = dlsym(RTLD_NEXT, "__read_chk");
	calls.recvfrom_chk = dlsym(RTLD_NEXT, "__recvfrom_chk");
	calls.recvmsg = dlsym(RTLD_NEXT, "recvmsg");
	calls.sendmmsg = dlsym(RTLD_NEXT, "sendmmsg");
	calls.recvmmsg = dlsym(RTLD_NEXT, "recvmmsg");
	calls.if_nametoindex = dlsym(RTLD_NEXT, "if_nametoindex");
	calls.if_indextoname = dlsym(RTLD_NEXT, "if_indextoname");
	calls.execve = dlsym(RTLD_NEXT, "execve");
	calls.execvpe = dlsym(RTLD_NEXT, "execvpe");
	calls.posix_spawn = dlsym(RTLD_NEXT, "posix_spawn");
	calls.posix_spawnp = dlsym(RTLD_NEXT, "posix_spawnp");
}

const struct next *
next(void)
{
	pthread_once(&found, find_next);
	return &calls;
}

/* --- making and naming --- */

EXPORT int
socket(int domain, int type, int protocol)
{
	int kind = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (domain == AF_NETLINK && (kind == SOCK_RAW || kind == SOCK_DGRAM) &&
		carried_protocol(protocol))
		return carried_open(type, protocol);
	return next()->socket(domain, type, protocol);
}

/* 0, or -1 and errno, as from the kernel. */
static int
name_socket(int fd, const struct sockaddr *address, socklen_t bytes)
{
	struct sockaddr_nl wanted;
	uint32_t pid = carried_pid(fd);

	if (bytes < sizeof(wanted) || address->sa_family != AF_NETLINK) {
		errno = EINVAL;
		return -1;
	}
	memcpy(&wanted, address, sizeof(wanted));
	if (pid != 0 && wanted.nl_pid != 0 && wanted.nl_pid != pid) {
		errno = EINVAL;
		return -1;
	}
	if (pid == 0 && carried_bind(fd, wanted.nl_pid) < 0)
		return -1;
	return wanted.nl_groups == 0 ? 0 : carried_order(fd, ORDER_MASK, wanted.nl_groups);
}

EXPORT int
bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t bytes)
{
	if (carried_family(fd) >= 0)
		return name_socket(fd, address.__sockaddr__, bytes);
	return next()->bind(fd, address, bytes);
}

EXPORT int
connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t bytes)
{
	/* It says who is sent to without an address; for us that is always the kernel's stand-in.
	 */
	if (carried_family(fd) >= 0)
		return carried_pid(fd) != 0 ? 0 : carried_bind(fd, 0);
	return next()->connect(fd, address, bytes);
}

EXPORT int
getsockname(int fd, __SOCKADDR_ARG address, socklen_t *restrict bytes)
{
	if (carried_family(fd) < 0)
		return next()->getsockname(fd, address, bytes);
	carried_tell(address.__sockaddr__, bytes, carried_pid(fd));
	return 0;
}

EXPORT int
getpeername(int fd, __SOCKADDR_ARG address, socklen_t *restrict bytes)
{
	if (carried_family(fd) < 0)
		return next()->getpeername(fd, address, bytes);
	carried_tell(address.__sockaddr__, bytes, 0);
	return 0;
}

/* --- options --- */

EXPORT int
setsockopt(int fd, int level, int name, const void *value, socklen_t bytes)
{
	uint32_t group = 0;

	if (level != SOL_NETLINK || carried_family(fd) < 0)
		return next()->setsockopt(fd, level, name, value, bytes);
	if (name != NETLINK_ADD_MEMBERSHIP && name != NETLINK_DROP_MEMBERSHIP)
		return 0; /* acks are capped and extended anyhow; the rest changes nothing here */
	if (bytes < sizeof(group)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(&group, value, sizeof(group));
	return carried_order(fd, name == NETLINK_ADD_MEMBERSHIP ? ORDER_JOIN : ORDER_LEAVE, group);
}

EXPORT int
getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict bytes)
{
	int asked = level == SOL_SOCKET && (name == SO_DOMAIN || name == SO_PROTOCOL);
	int family = asked ? carried_family(fd) : -1;
	int answer = name == SO_DOMAIN ? AF_NETLINK : family;

	if (family < 0 || *bytes < sizeof(answer))
		return next()->getsockopt(fd, level, name, value, bytes);
	memcpy(value, &answer, sizeof(answer));
	*bytes = sizeof(answer);
	return 0;
}

/* --- sending: a first request names its socket, and a broker that is gone kills nobody --- */

/* The flags to send with; 0 for what is not carried. */
static int
before_send(int fd)
{
	int error = errno;

	if (carried_family(fd) < 0)
		return 0;
	if (carried_pid(fd) == 0)
		carried_bind(fd, 0);
	errno = error;
	return MSG_NOSIGNAL;
}

EXPORT ssize_t
send(int fd, const void *data, size_t bytes, int flags)
{
	return next()->send(fd, data, bytes, flags | before_send(fd));
}

/* The kernel passes over the address on a connected SOCK_SEQPACKET socket. */
EXPORT ssize_t
sendto(int fd, const void *data, size_t bytes, int flags, __CONST_SOCKADDR_ARG address,
	socklen_t address_bytes)
{
	return next()->sendto(fd, data, bytes, flags | before_send(fd), address, address_bytes);
}

EXPORT ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	return next()->sendmsg(fd, message, flags | before_send(fd));
}

EXPORT int
sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
	return next()->sendmmsg(fd, messages, n, flags | before_send(fd));
}

EXPORT ssize_t
write(int fd, const void *data, size_t bytes)
{
	int flags = before_send(fd);

	return flags != 0 ? next()->send(fd, data, bytes, flags) : next()->write(fd, data, bytes);
}
