/* SPDX-License-Identifier: BSD-3-Clause */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "carried.h"
#include "next.h"

/*
 * libespalier-run.so: stands between a program and the C library's socket calls and turns sockets
 * of the carried netlink families into connections to the broker. Those are real descriptors, so
 * dup, fcntl, close, read, recv, poll, select and epoll need nothing of us; here is only where
 * AF_UNIX and AF_NETLINK differ: making and naming a socket, groups, and who sent what. MSG_PEEK
 * and MSG_TRUNC mean the same on both.
 *
 * A socket that cannot be carried fails; it never becomes one of the kernel's.
 */

#define NANOSECONDS 1000000000 /* in a second */

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

/* Writes an address as getsockname() does: what fits, and how long it really is. */
static void
tell(struct sockaddr *to, socklen_t *bytes, uint32_t pid)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_pid = pid };

	memcpy(to, &address, *bytes < sizeof(address) ? *bytes : sizeof(address));
	*bytes = sizeof(address);
}

EXPORT int
getsockname(int fd, __SOCKADDR_ARG address, socklen_t *restrict bytes)
{
	if (carried_family(fd) < 0)
		return next()->getsockname(fd, address, bytes);
	tell(address.__sockaddr__, bytes, carried_pid(fd));
	return 0;
}

EXPORT int
getpeername(int fd, __SOCKADDR_ARG address, socklen_t *restrict bytes)
{
	if (carried_family(fd) < 0)
		return next()->getpeername(fd, address, bytes);
	tell(address.__sockaddr__, bytes, 0);
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

/* --- receiving: who sent it, and whether something was lost --- */

/*
 * The kernel says by ENOBUFS that a reader was too slow for its events; the control socket says it
 * with a message, in its place among the events.
 */
static bool
is_overrun(const void *data)
{
	struct nlmsghdr header;

	memcpy(&header, data, sizeof(header));
	return header.nlmsg_type == NLMSG_OVERRUN && header.nlmsg_len == sizeof(header);
}

/*
 * A netlink socket has no end. Ours has when espalier-run was killed; then the program has SIGTERM
 * already, and should get to it instead of reading the end over and over, as daemons do.
 */
static ssize_t
end_reached(int fd, int flags)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	int status = fcntl(fd, F_GETFL);

	nanosleep(&pause, NULL);
	errno = ((status & O_NONBLOCK) != 0 || (flags & MSG_DONTWAIT) != 0) ? EAGAIN : ECONNRESET;
	return -1;
}

/* What the program gets, that had room for `room` bytes and `got` so many. */
static ssize_t
check(int fd, const struct iovec *room, ssize_t got, int flags)
{
	if (got == 0 && room->iov_len > 0 && carried_family(fd) >= 0)
		return end_reached(fd, flags);
	if (got != sizeof(struct nlmsghdr) || room->iov_base == NULL ||
		room->iov_len < sizeof(struct nlmsghdr) || !is_overrun(room->iov_base) ||
		carried_family(fd) < 0)
		return got;
	errno = ENOBUFS;
	return -1;
}

EXPORT ssize_t
recv(int fd, void *buffer, size_t bytes, int flags)
{
	const struct iovec room = { .iov_base = buffer, .iov_len = bytes };

	return check(fd, &room, next()->recv(fd, buffer, bytes, flags), flags);
}

EXPORT ssize_t
read(int fd, void *buffer, size_t bytes)
{
	const struct iovec room = { .iov_base = buffer, .iov_len = bytes };

	return check(fd, &room, next()->read(fd, buffer, bytes), 0);
}

EXPORT ssize_t
recvfrom(int fd, void *restrict buffer, size_t bytes, int flags, __SOCKADDR_ARG address,
	socklen_t *restrict address_bytes)
{
	const struct iovec room = { .iov_base = buffer, .iov_len = bytes };
	socklen_t name = address_bytes != NULL ? *address_bytes : 0;
	ssize_t got = next()->recvfrom(fd, buffer, bytes, flags, address, address_bytes);

	if (got >= 0 && name > 0 && address.__sockaddr__ != NULL &&
		carried_sender(fd, address.__sockaddr__, *address_bytes)) {
		*address_bytes = name;
		tell(address.__sockaddr__, address_bytes, 0);
	}
	return check(fd, &room, got, flags);
}

EXPORT ssize_t
__recvfrom_chk(int fd, void *buffer, size_t bytes, size_t room, int flags, __SOCKADDR_ARG address,
	socklen_t *address_bytes)
{
	if (bytes > room) /* its business is to end the program */
		return next()->recvfrom_chk(fd, buffer, bytes, room, flags, address, address_bytes);
	return recvfrom(fd, buffer, bytes, flags, address, address_bytes);
}

EXPORT ssize_t
recvmsg(int fd, struct msghdr *message, int flags)
{
	socklen_t name = message->msg_name != NULL ? message->msg_namelen : 0;
	ssize_t got = next()->recvmsg(fd, message, flags);

	if (got >= 0 && name > 0 && carried_sender(fd, message->msg_name, message->msg_namelen)) {
		message->msg_namelen = name;
		tell(message->msg_name, &message->msg_namelen, 0);
	}
	return message->msg_iovlen == 0 ? got : check(fd, message->msg_iov, got, flags);
}

/* Has so much time gone by? A timeout may be as long as a program likes: it is not added to
 * anything. */
static bool
past(const struct timespec *begin, const struct timespec *timeout)
{
	struct timespec now;

	if (timeout == NULL)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	time_t seconds = now.tv_sec - begin->tv_sec;
	long nanoseconds = now.tv_nsec - begin->tv_nsec;
	if (nanoseconds < 0) {
		seconds--;
		nanoseconds += NANOSECONDS;
	}
	return seconds != timeout->tv_sec ? seconds > timeout->tv_sec
					  : nanoseconds >= timeout->tv_nsec;
}

/* Waits as the flags say. An error belongs to a call of its own, as with the kernel. */
static bool
error_follows(int fd, int flags)
{
	struct nlmsghdr header;
	ssize_t got = next()->recv(fd, &header, sizeof(header), flags | MSG_PEEK | MSG_TRUNC);

	return got <= 0 || (got == sizeof(header) && is_overrun(&header));
}

EXPORT int
recvmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags, struct timespec *timeout)
{
	struct timespec begin;
	unsigned got = 0;

	if (carried_family(fd) < 0)
		return next()->recvmmsg(fd, messages, n, flags, timeout);
	if (timeout != NULL &&
		(timeout->tv_sec < 0 || timeout->tv_nsec < 0 || timeout->tv_nsec >= NANOSECONDS)) {
		errno = EINVAL;
		return -1;
	}
	clock_gettime(CLOCK_MONOTONIC, &begin);
	while (got < n && (got == 0 || !past(&begin, timeout))) {
		int one = flags & ~MSG_WAITFORONE;

		if (got > 0 && (flags & MSG_WAITFORONE) != 0)
			one |= MSG_DONTWAIT;
		if (got > 0 && error_follows(fd, one))
			break;
		ssize_t bytes = recvmsg(fd, &messages[got].msg_hdr, one);
		if (bytes < 0)
			return got > 0 ? (int)got : -1;
		messages[got++].msg_len = (unsigned)bytes;
	}
	return (int)got;
}
