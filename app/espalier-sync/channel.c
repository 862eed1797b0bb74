/* SPDX-License-Identifier: BSD-3-Clause */
#include "channel.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "clock.h"
#include "log.h"
#include "protocol.h"

#define PAUSE_MIN_NS (10 * MILLISECOND_NS)
#define PAUSE_MAX_NS (200 * MILLISECOND_NS)
#define GREETING_NS (10 * SECOND_NS)
#define DATAGRAMS_PER_TURN 64

/* Why it does not work, once for each reason. */
static void PRINTF_LIKE(2, 3) fault(struct channel *channel, const char *format, ...)
{
	char text[sizeof(channel->fault)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (strcmp(text, channel->fault) == 0)
		return;
	strcpy(channel->fault, text);
	log_warning("%s; trying again", text);
}

/* --- making it --- */

static void
say_refused(struct channel *channel, int error)
{
	if (error == ENOENT || error == ECONNREFUSED)
		fault(channel, "no espalier listens at %s", channel->path);
	else if (error == EACCES || error == EPERM)
		fault(channel, "not permitted to use %s; be root, or in group espalier",
			channel->path);
	else
		fault(channel, "cannot connect to %s: %s", channel->path, strerror(error));
}

/* A connected socket, or -1 and said. */
static int
connect_to(struct channel *channel)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(channel->path) >= sizeof(address.sun_path)) {
		fault(channel, "the path %s is too long for a socket", channel->path);
		return -1;
	}
	strcpy(address.sun_path, channel->path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	say_refused(channel, errno);
	if (fd >= 0)
		close(fd);
	return -1;
}

static void
greet(struct channel *channel)
{
	const struct espalier_hello hello = {
		.version = ESPALIER_PROTOCOL_VERSION,
		.family = ESPALIER_FAMILY_ROUTE,
	};
	_Alignas(4) uint8_t buffer[64];
	struct netlink_writer writer;

	netlink_writer_init(&writer, buffer, sizeof(buffer));
	netlink_begin(&writer, ESPALIER_HELLO, NLM_F_REQUEST | NLM_F_ACK, 0, 0);
	netlink_put(&writer, &hello, sizeof(hello));
	netlink_commit(&writer);
	/* A server without a place for us has hung up, and its reason can still be read. */
	send(channel->watcher.fd, buffer, writer.used, MSG_NOSIGNAL);
}

static void
pause_for(struct channel *channel, uint64_t now_ns)
{
	channel->state = CHANNEL_DOWN;
	channel->due_ns = now_ns + channel->pause_ns;
	if (channel->pause_ns < PAUSE_MAX_NS)
		channel->pause_ns *= 2;
}

static void
attempt(struct channel *channel, uint64_t now_ns)
{
	channel->watcher.fd = connect_to(channel);
	if (channel->watcher.fd < 0 || loop_watch(channel->loop, &channel->watcher, EPOLLIN) < 0) {
		loop_forget(channel->loop, &channel->watcher);
		pause_for(channel, now_ns);
		return;
	}
	channel->state = CHANNEL_GREETING;
	channel->due_ns = now_ns + GREETING_NS;
	greet(channel);
}

/* --- losing it --- */

static void
lose(struct channel *channel)
{
	bool was_up = channel->state == CHANNEL_UP;

	loop_forget(channel->loop, &channel->watcher);
	pause_for(channel, clock_now_ns());
	if (was_up)
		channel->owner->down(channel);
}

void
channel_break(struct channel *channel, const char *why)
{
	fault(channel, "%s", why);
	lose(channel);
}

uint64_t
channel_tend(struct channel *channel, uint64_t now_ns)
{
	if (channel->state == CHANNEL_GREETING && now_ns >= channel->due_ns) {
		fault(channel, "%s does not answer", channel->path);
		lose(channel);
	}
	if (channel->state == CHANNEL_DOWN && now_ns >= channel->due_ns)
		attempt(channel, now_ns);
	return channel->state == CHANNEL_UP ? NEVER_NS : channel->due_ns;
}

/* --- talking --- */

/* False: it broke meanwhile. */
static bool
take_greeting(struct channel *channel, const struct netlink_message *message)
{
	struct netlink_refusal words = { "it does not speak our protocol" };
	int error = EPROTO;

	if (message->type == NLMSG_ERROR)
		error = netlink_status(message, &words);
	if (error != 0) {
		fault(channel, "%s refuses: %s", channel->path,
			words.text[0] != '\0' ? words.text : strerror(error));
		lose(channel);
		return false;
	}
	channel->state = CHANNEL_UP;
	channel->owner->up(channel);
	return channel->state == CHANNEL_UP;
}

/* Takes a datagram apart. False: it broke meanwhile. */
static bool
take(struct channel *channel, struct netlink_span datagram)
{
	struct netlink_message message;
	struct netlink_refusal why;
	int got;

	while ((got = netlink_next_message(&datagram, &message, &why)) > 0) {
		if (channel->state == CHANNEL_GREETING) {
			if (!take_greeting(channel, &message))
				return false;
			continue;
		}
		channel->owner->message(channel, &message);
		if (channel->state != CHANNEL_UP)
			return false;
	}
	if (got < 0)
		channel_break(channel, why.text);
	return got == 0;
}

static void
receive(struct channel *channel)
{
	static _Alignas(4) uint8_t datagram[2 * CHANNEL_DATAGRAM_BYTES];

	for (unsigned i = 0; i < DATAGRAMS_PER_TURN; i++) {
		ssize_t bytes = recv(channel->watcher.fd, datagram, sizeof(datagram), 0);
		struct netlink_span span = { datagram, bytes > 0 ? (size_t)bytes : 0 };

		/* ECONNRESET comes before the last words of a server that left requests unread. */
		if (bytes < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNRESET))
			return;
		if (bytes <= 0) {
			fault(channel, "espalier at %s hung up", channel->path);
			lose(channel);
			return;
		}
		if (!take(channel, span))
			return;
	}
}

static void
ready(struct watcher *watcher, uint32_t events)
{
	struct channel *channel = watcher->owner;

	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		receive(channel);
	if ((events & EPOLLOUT) != 0 && channel->state == CHANNEL_UP) {
		loop_watch(channel->loop, watcher, EPOLLIN);
		channel->owner->room(channel);
	}
}

void
channel_open(struct channel *channel, struct loop *loop, const char *path,
	const struct channel_owner *owner, void *context)
{
	*channel = (struct channel) {
		.loop = loop,
		.path = path,
		.owner = owner,
		.context = context,
		.watcher = { .fd = -1, .ready = ready, .owner = channel },
		.pause_ns = PAUSE_MIN_NS,
	};
}

void
channel_close(struct channel *channel)
{
	loop_forget(channel->loop, &channel->watcher);
	channel->state = CHANNEL_DOWN;
}

void
channel_settle(struct channel *channel)
{
	channel->pause_ns = PAUSE_MIN_NS;
	channel->fault[0] = '\0';
}

int
channel_send(struct channel *channel, const void *datagram, size_t bytes)
{
	if (send(channel->watcher.fd, datagram, bytes, MSG_NOSIGNAL) >= 0)
		return 0;
	if (errno == EAGAIN || errno == EINTR) {
		loop_watch(channel->loop, &channel->watcher, EPOLLIN | EPOLLOUT);
		return -EAGAIN;
	}
	/* A connection that broke shows when it is read. */
	return -errno;
}
