/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "carried.h"
#include "next.h"

/*
 * What a program receives on a carried socket: who sent it, and whether something was lost.
 */

#define NANOSECONDS 1000000000 /* in a second */

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

/* Whom the kernel would tell of the broker's end: the command itself, as it began. */
static struct {
	pid_t pid; /* 0: nobody */
	uid_t uid;
	gid_t gid;
} told_by_kernel;

__attribute__((constructor)) static void
note_who_is_told(void)
{
	int asked = 0;

	if (prctl(PR_GET_PDEATHSIG, &asked) != 0 || asked != SIGTERM)
		return;
	told_by_kernel.pid = getpid();
	told_by_kernel.uid = geteuid();
	told_by_kernel.gid = getegid();
}

/*
 * Once in a process that the kernel does not tell of the broker's end: it forgets one that changes
 * its user, and was never asked to tell children of the command. It cannot be asked about that
 * here, for a thread knows but its own.
 */
static void
end_process(void)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;

	if (told_by_kernel.pid == getpid() && told_by_kernel.uid == geteuid() &&
		told_by_kernel.gid == getegid())
		return;
	if (!atomic_flag_test_and_set(&told))
		kill(getpid(), SIGTERM);
}

/*
 * A netlink socket has no end. Ours has when espalier-run was killed; then the program has SIGTERM,
 * and should get to it instead of reading the end over and over, as daemons do.
 */
static ssize_t
end_reached(int fd, int flags)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	int status = fcntl(fd, F_GETFL);

	end_process();
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

/* As by recvmsg(), a loss is seen where the first piece has room for a header. */
EXPORT ssize_t
readv(int fd, const struct iovec *rooms, int n)
{
	ssize_t got = next()->readv(fd, rooms, n);

	return n <= 0 ? got : check(fd, rooms, got, 0);
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
		carried_tell(address.__sockaddr__, address_bytes, 0);
	}
	return check(fd, &room, got, flags);
}

/* To end a program that gave less room than it says is the business of the C library's. */
EXPORT ssize_t
__recv_chk(int fd, void *buffer, size_t bytes, size_t room, int flags)
{
	if (bytes > room)
		return next()->recv_chk(fd, buffer, bytes, room, flags);
	return recv(fd, buffer, bytes, flags);
}

EXPORT ssize_t
__read_chk(int fd, void *buffer, size_t bytes, size_t room)
{
	if (bytes > room)
		return next()->read_chk(fd, buffer, bytes, room);
	return read(fd, buffer, bytes);
}

EXPORT ssize_t
__recvfrom_chk(int fd, void *buffer, size_t bytes, size_t room, int flags, __SOCKADDR_ARG address,
	socklen_t *address_bytes)
{
	if (bytes > room)
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
		carried_tell(message->msg_name, &message->msg_namelen, 0);
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
