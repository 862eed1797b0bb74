/* SPDX-License-Identifier: BSD-3-Clause */
#include "carried.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "next.h"

#define PATH_BYTES sizeof(((struct sockaddr_un *)NULL)->sun_path)
#define PORT_IDS_TRIED 4096

struct carried_family {
	int protocol;
	const char *variable;
	char path[PATH_BYTES]; /* empty: not carried */
};

static struct carried_family families[] = {
	{ .protocol = NETLINK_XFRM, .variable = ORDER_ENVIRONMENT_XFRM },
	{ .protocol = NETLINK_ROUTE, .variable = ORDER_ENVIRONMENT_ROUTE },
};

#define N_FAMILIES (sizeof(families) / sizeof(families[0]))

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
read_environment(void)
{
	for (unsigned i = 0; i < N_FAMILIES; i++) {
		const char *path = secure_getenv(families[i].variable);

		if (path != NULL && strlen(path) < PATH_BYTES)
			strcpy(families[i].path, path);
	}
}

/* Programs clear their environment; we look before main() does. */
__attribute__((constructor)) static void
prepare(void)
{
	pthread_once(&once, read_environment);
}

static const struct carried_family *
find_protocol(int protocol)
{
	prepare();
	for (unsigned i = 0; i < N_FAMILIES; i++)
		if (families[i].protocol == protocol && families[i].path[0] != '\0')
			return &families[i];
	return NULL;
}

bool
carried_protocol(int protocol)
{
	return find_protocol(protocol) != NULL;
}

int
carried_family(int fd)
{
	struct sockaddr_un peer = { .sun_family = AF_UNSPEC };
	socklen_t bytes = sizeof(peer);
	int error = errno;

	prepare();
	if (next()->getpeername(fd, (struct sockaddr *)&peer, &bytes) < 0) {
		errno = error;
		return -1;
	}
	if (peer.sun_family != AF_UNIX || bytes <= offsetof(struct sockaddr_un, sun_path))
		return -1;
	for (unsigned i = 0; i < N_FAMILIES; i++)
		if (families[i].path[0] != '\0' &&
			strncmp(peer.sun_path, families[i].path, PATH_BYTES) == 0)
			return families[i].protocol;
	return -1;
}

bool
carried_sender(int fd, const struct sockaddr *address, socklen_t bytes)
{
	/* Saves programs that receive from elsewhere the question to the kernel. */
	if (bytes < sizeof(address->sa_family) || address->sa_family != AF_UNIX)
		return false;
	return carried_family(fd) >= 0;
}

/* --- the broker --- */

static int
take_answer(int fd)
{
	struct order_answer answer = { .error = ECONNREFUSED };
	ssize_t bytes;

	do
		bytes = recv(fd, &answer, sizeof(answer), 0);
	while (bytes < 0 && errno == EINTR);
	errno = bytes == sizeof(answer) ? answer.error : ECONNREFUSED;
	return errno == 0 ? 0 : -1;
}

/* What bars from the broker's directory, most often by the daemon's own option. */
static const char other_user[] =
	"; it changed its user before it opened netlink: start it without that (-u)";

static int
knock(int fd, const struct carried_family *family)
{
	const struct order order = { .magic = ORDER_MAGIC, .verb = ORDER_OPEN };
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memcpy(address.sun_path, family->path, PATH_BYTES);
	if (next()->connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
		next()->send(fd, &order, sizeof(order), MSG_NOSIGNAL) < 0) {
		/* The broker says itself what it refuses; without it there is only us. */
		dprintf(STDERR_FILENO,
			"espalier-run: process %d cannot reach its broker at %s: %s%s\n", getpid(),
			family->path, strerror(errno), errno == EACCES ? other_user : "");
		return -1;
	}
	return take_answer(fd);
}

int
carried_open(int type, int protocol)
{
	int error = errno;
	int fd = next()->socket(AF_UNIX, SOCK_SEQPACKET | (type & SOCK_CLOEXEC), 0);

	if (fd < 0)
		return -1;
	if (knock(fd, find_protocol(protocol)) < 0) {
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	if ((type & SOCK_NONBLOCK) != 0)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	errno = error;
	return fd;
}

/* Sends the order on the socket, behind the requests before it, with the descriptor to answer on.
 * The socket may be non-blocking and full of events; the answer comes past them. */
static int
send_order(int fd, const struct order *order, int answer_fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .header = {
			      .cmsg_len = CMSG_LEN(sizeof(int)),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS,
		      } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)order, .iov_len = sizeof(*order) };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	memcpy(CMSG_DATA(&control.header), &answer_fd, sizeof(answer_fd));
	return next()->sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

int
carried_order(int fd, enum order_verb verb, uint32_t value)
{
	const struct order order = { .magic = ORDER_MAGIC, .verb = verb, .value = value };
	int ends[2], error = errno;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	int status = send_order(fd, &order, ends[1]);
	close(ends[1]);
	if (status == 0)
		status = take_answer(ends[0]);
	if (status < 0)
		error = errno;
	close(ends[0]);
	errno = error;
	return status;
}

/* --- port ids --- */

uint32_t
carried_pid(int fd)
{
	struct sockaddr_un name;
	socklen_t bytes = sizeof(name);
	unsigned family, pid;
	int error = errno;

	memset(&name, 0, sizeof(name));
	if (next()->getsockname(fd, (struct sockaddr *)&name, &bytes) < 0 ||
		sscanf(name.sun_path + 1, ORDER_NAME_FORMAT, &family, &pid) != 2)
		pid = 0;
	errno = error;
	return pid;
}

void
carried_tell(struct sockaddr *to, socklen_t *bytes, uint32_t pid)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_pid = pid };

	memcpy(to, &address, *bytes < sizeof(address) ? *bytes : sizeof(address));
	*bytes = sizeof(address);
}

static int
take_name(int fd, unsigned family, uint32_t pid)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int length = snprintf(
		name.sun_path + 1, sizeof(name.sun_path) - 1, ORDER_NAME_FORMAT, family, pid);

	return next()->bind(fd, (const struct sockaddr *)&name,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length));
}

int
carried_bind(int fd, uint32_t pid)
{
	unsigned family = (unsigned)carried_family(fd);
	int error = errno;

	if (pid != 0)
		return take_name(fd, family, pid);
	/* As the kernel does: the process's own number, else one above all processes' numbers. */
	pid = (uint32_t)getpid();
	for (unsigned i = 1; i <= PORT_IDS_TRIED; i++) {
		if (take_name(fd, family, pid) == 0) {
			errno = error;
			return 0;
		}
		if (errno != EADDRINUSE)
			return -1;
		pid = UINT32_MAX - 4096 - i;
	}
	return -1;
}
