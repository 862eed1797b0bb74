/* SPDX-License-Identifier: BSD-3-Clause */
#include "link.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "clock.h"
#include "protocol.h"

#define PAUSE_MIN_NS (10 * MILLISECOND_NS)
#define PAUSE_MAX_NS SECOND_NS
#define GREETING_NS (10 * SECOND_NS)

void
link_open(struct link *link, const struct server *server, uint32_t family,
	const struct link_owner *owner)
{
	*link = (struct link) {
		.server = server,
		.owner = owner,
		.family = family,
		.fd = -1,
		.pause_ns = PAUSE_MIN_NS,
	};
}

void
link_close(struct link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
	link->state = LINK_DOWN;
	queue_clear(&link->queue);
}

/* --- making a connection --- */

static void PRINTF_LIKE(3, 4) fault(struct link *link, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(link->fault.text, sizeof(link->fault.text), format, args);
	va_end(args);
	link->fault.error = error;
	link->fault.lasting = error == EACCES || error == EPERM || error == ENAMETOOLONG ||
		error == EPROTO || error == EPROTOTYPE;
}

static void
say_refused(struct link *link, int error)
{
	const char *path = link->server->path;

	if (error == ENOENT || error == ECONNREFUSED)
		fault(link, error, "no espalier listens at %s", path);
	else if (error == EACCES || error == EPERM)
		fault(link, error, "not permitted to use %s; be root, or in group espalier", path);
	else
		fault(link, error, "cannot connect to %s: %s", path, strerror(error));
}

/* A connected socket, or -1 with the fault said. */
static int
connect_to(struct link *link)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(link->server->path) >= sizeof(address.sun_path)) {
		fault(link, ENAMETOOLONG, "the path %s is too long for a socket",
			link->server->path);
		return -1;
	}
	strcpy(address.sun_path, link->server->path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	say_refused(link, errno);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Keys go over this socket: whoever could make a file at its path must not get them. */
static bool
trusted(struct link *link, int fd)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t bytes = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0 &&
		(peer.uid == 0 || peer.uid == geteuid() || peer.uid == link->server->uid))
		return true;
	fault(link, EPERM,
		"%s is served by process %d of user %u, and keys go to root and ourselves alone; "
		"--server-uid names another user to trust",
		link->server->path, peer.pid, peer.uid);
	return false;
}

static bool
greet(struct link *link, int fd)
{
	const struct espalier_hello hello = {
		.version = ESPALIER_PROTOCOL_VERSION,
		.family = link->family,
	};
	_Alignas(4) uint8_t buffer[64];
	struct netlink_writer writer;

	netlink_writer_init(&writer, buffer, sizeof(buffer));
	netlink_begin(&writer, ESPALIER_HELLO, NLM_F_REQUEST | NLM_F_ACK, 0, REQUEST_PID);
	netlink_put(&writer, &hello, sizeof(hello));
	netlink_commit(&writer);
	/* A server without a place for us has closed its end; its reason can still be read. */
	return send(fd, buffer, writer.used, MSG_NOSIGNAL) >= 0 || errno == EPIPE;
}

static void
attempt(struct link *link, uint64_t now_ns)
{
	int fd = connect_to(link);

	link->due_ns = now_ns + link->pause_ns;
	if (link->pause_ns < PAUSE_MAX_NS)
		link->pause_ns *= 2;
	if (fd < 0)
		return;
	if (!trusted(link, fd) || !greet(link, fd)) {
		close(fd);
		return;
	}
	link->fd = fd;
	link->state = LINK_GREETING;
	link->due_ns = now_ns + GREETING_NS;
}

/* --- losing it --- */

void
link_refuse(struct link *link, const struct netlink_message *request, int error,
	const struct netlink_refusal *why)
{
	struct netlink_message to = *request;
	_Alignas(4) uint8_t buffer[512];
	struct netlink_writer writer;

	to.pid = link->answer_pid;
	netlink_writer_init(&writer, buffer, sizeof(buffer));
	netlink_write_ack(&writer, &to, error, why);
	link->owner->deliver(link, buffer, writer.used);
}

/*
 * A request with a part of its answer handed on must not be sent again: the program would see the
 * beginning twice. It is told that the rest does not come.
 */
static void
break_off(struct link *link, const struct request *request)
{
	const struct netlink_message message = request_message(request);
	struct netlink_refusal why;

	netlink_refuse(&why, EINTR, "the gateway restarted while it answered; ask again");
	link_refuse(link, &message, -EINTR, &why);
}

/* Keeps what must be sent again: a program's requests that have no answer at all. */
static void
sort_out(struct link *link)
{
	struct queue kept = { 0 };
	struct request *request;

	while ((request = queue_take(&link->queue)) != NULL) {
		if (request->begun)
			break_off(link, request);
		if (request->begun || request->origin != REQUEST_PROGRAM)
			request_destroy(request, 0);
		else
			queue_append(&kept, request);
	}
	link->queue = kept;
}

static void
lose(struct link *link, uint64_t now_ns)
{
	bool was_up = link->state == LINK_UP;

	close(link->fd);
	link->fd = -1;
	link->state = LINK_DOWN;
	link->due_ns = now_ns + link->pause_ns;
	sort_out(link);
	if (was_up && link->owner->down != NULL)
		link->owner->down(link);
}

void
link_tend(struct link *link, uint64_t now_ns)
{
	if (link->state == LINK_UP || now_ns < link->due_ns ||
		(link->state == LINK_DOWN && link->held))
		return;
	if (link->state == LINK_DOWN) {
		attempt(link, now_ns);
		return;
	}
	fault(link, ETIMEDOUT, "%s does not answer", link->server->path);
	lose(link, now_ns);
}

/* --- sending --- */

void
link_send(struct link *link)
{
	struct request *request;

	while (link->state == LINK_UP && (request = link->queue.unsent) != NULL) {
		ssize_t sent =
			send(link->fd, request->data, request->bytes, MSG_DONTWAIT | MSG_NOSIGNAL);

		/* A connection that broke shows when it is read. */
		if (sent < 0 && errno != EINTR)
			return;
		if (sent >= 0)
			queue_sent(&link->queue);
	}
}

void
link_request(struct link *link, struct request *request)
{
	bool joins = request->origin == REQUEST_JOIN;

	if (joins || request->origin == REQUEST_LEAVE) {
		uint64_t bit = 1ull << request->value;

		link->groups = joins ? link->groups | bit : link->groups & ~bit;
		if (link->state != LINK_UP) {
			request_destroy(request, 0);
			return;
		}
	}
	queue_append(&link->queue, request);
	link_send(link);
}

static void
come_up(struct link *link)
{
	link->state = LINK_UP;
	link->pause_ns = PAUSE_MIN_NS;
	link->fault = (struct link_fault) { 0 };
	queue_rewind(&link->queue);
	for (uint32_t group = LINK_GROUPS - 1; group > 0; group--) {
		struct request *join = (link->groups >> group & 1) != 0
			? request_group(REQUEST_JOIN, group)
			: NULL;

		if (join != NULL)
			queue_prepend(&link->queue, join);
	}
	link->owner->up(link);
	link_send(link);
}

/* --- receiving --- */

/* False: the server turned us away. */
static bool
take_greeting(struct link *link, struct netlink_span datagram)
{
	struct netlink_message message = { 0 };
	struct netlink_refusal words;

	if (netlink_next_message(&datagram, &message, &words) <= 0 || message.type != NLMSG_ERROR) {
		fault(link, EPROTO, "%s does not speak our protocol", link->server->path);
		return false;
	}
	int error = netlink_status(&message, &words);
	if (error == 0) {
		come_up(link);
		return true;
	}
	fault(link, error, "%s refuses: %s", link->server->path,
		words.text[0] != '\0' ? words.text : strerror(error));
	return false;
}

/* The sent request that a message belongs to, or NULL. Answers come in order. */
static struct request *
find_request(const struct link *link, const struct netlink_message *message)
{
	struct request *request = link->queue.first;

	while (request != link->queue.unsent &&
		(request->sequence != message->sequence || request->pid != message->pid))
		request = request->next;
	return request == link->queue.unsent ? NULL : request;
}

/* Ends the request, and those before it, which were done without a word. */
static void
end(struct link *link, const struct request *request, int error)
{
	struct request *first;
	bool last;

	do {
		first = queue_take(&link->queue);
		last = first == request;
		if (last && error != 0 && first->origin == REQUEST_JOIN)
			link->groups &= ~(1ull << first->value);
		link->owner->ended(link, first, last ? error : 0);
		request_destroy(first, last ? error : 0);
	} while (!last);
}

/* Deals with one message; true: the program gets it. `pid` is what it reads there. */
static bool
sort_message(struct link *link, const struct netlink_message *message, uint32_t *pid)
{
	struct request *request = find_request(link, message);
	struct netlink_refusal words;

	*pid = message->pid;
	if (request == NULL) {
		if (link->owner->event != NULL)
			link->owner->event(link, message);
		return true;
	}
	bool ours = request->origin != REQUEST_PROGRAM;
	*pid = link->answer_pid;
	if (message->type != NLMSG_ERROR && message->type != NLMSG_DONE) {
		request->begun = !ours;
		return !ours;
	}
	int error = netlink_status(message, &words);
	bool wanted = !ours && (message->type == NLMSG_DONE || error != 0 || request->acked);
	end(link, request, error);
	return wanted;
}

/* Takes a datagram apart and hands on what is for the program, as one datagram. */
static void
take(struct link *link, struct netlink_span datagram)
{
	static _Alignas(4) uint8_t buffer[LINK_DATAGRAM_BYTES_MAX];
	struct netlink_message message;
	struct netlink_refusal why;
	struct netlink_writer writer;
	uint32_t pid;

	netlink_writer_init(&writer, buffer, sizeof(buffer));
	while (netlink_next_message(&datagram, &message, &why) > 0) {
		if (!sort_message(link, &message, &pid))
			continue;
		netlink_begin(&writer, message.type, message.flags, message.sequence, pid);
		netlink_put(&writer, message.body.at, message.body.bytes);
		netlink_commit(&writer);
	}
	if (writer.used > 0)
		link->owner->deliver(link, buffer, writer.used);
	/* Answers of GETSA hold keys. */
	explicit_bzero(buffer, writer.used);
}

void
link_receive(struct link *link, uint64_t now_ns)
{
	static uint8_t datagram[LINK_DATAGRAM_BYTES_MAX];
	ssize_t bytes = recv(link->fd, datagram, sizeof(datagram), MSG_DONTWAIT);

	/* ECONNRESET comes before the last words of a server that left requests unread. */
	if (bytes < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNRESET))
		return;
	struct netlink_span span = { .at = datagram, .bytes = bytes > 0 ? (size_t)bytes : 0 };
	if (bytes <= 0) {
		if (link->state == LINK_GREETING)
			fault(link, ECONNRESET, "%s hung up", link->server->path);
		lose(link, now_ns);
	} else if (link->state == LINK_UP) {
		take(link, span);
	} else if (!take_greeting(link, span)) {
		lose(link, now_ns);
	}
	explicit_bzero(datagram, span.bytes);
}
