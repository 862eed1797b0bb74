/* SPDX-License-Identifier: BSD-3-Clause */
#include "carrier.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "clock.h"
#include "ledger.h"
#include "log.h"
#include "obey.h"
#include "order.h"
#include "protocol.h"

#define WAITING_BYTES_MAX (1u << 20)

static struct carrier *
of_link(struct link *link)
{
	return (struct carrier *)link;
}

void
carrier_deliver(struct carrier *carrier, const void *datagram, size_t bytes)
{
	if (carrier->state == CARRIER_LEFT)
		return;
	/* Only what we add ourselves can find no room: the link is not read before there is. */
	if (outbox_put(&carrier->outbox, datagram, bytes) < 0) {
		if (!carrier->loses)
			log_warning("a program does not read its netlink socket; messages to it "
				    "are lost");
		carrier->loses = true;
	}
	outbox_flush(&carrier->outbox, carrier->fd);
	if (outbox_empty(&carrier->outbox))
		carrier->loses = false;
}

static void
deliver(struct link *link, const void *datagram, size_t bytes)
{
	carrier_deliver(of_link(link), datagram, bytes);
}

/*
 * What happened while the link was down no group told of. The program asks anew when it reads that,
 * so it gets it when nothing can be missed any more: all groups are joined again.
 */
static void
say_overrun(struct carrier *carrier)
{
	_Alignas(4) uint8_t buffer[NLMSG_HDRLEN];
	struct netlink_writer writer;

	netlink_writer_init(&writer, buffer, sizeof(buffer));
	netlink_begin(&writer, NLMSG_OVERRUN, 0, 0, 0);
	netlink_commit(&writer);
	carrier->missed = false;
	carrier_deliver(carrier, buffer, writer.used);
}

static void
ended(struct link *link, const struct request *request, int error)
{
	const struct netlink_message message = request_message(request);
	const struct request *next = link->queue.first;

	if (of_link(link)->missed && request->origin == REQUEST_JOIN &&
		(next == NULL || next->origin != REQUEST_JOIN))
		say_overrun(of_link(link));
	if (link->family != ESPALIER_FAMILY_XFRM || request->origin != REQUEST_PROGRAM)
		return;
	if (error == 0)
		ledger_note_done(of_link(link)->ledger, &message);
	else if (error == ENOENT || error == ESRCH)
		ledger_note_absent(of_link(link)->ledger, &message);
}

static void
event(struct link *link, const struct netlink_message *message)
{
	if (link->family == ESPALIER_FAMILY_XFRM)
		ledger_note_event(of_link(link)->ledger, message);
}

static void
up(struct link *link)
{
	struct carrier *carrier = of_link(link);

	if (carrier->state != CARRIER_OPENING) {
		/* Of XFRM only SAs would be missed, and of those that are lost the clerk tells. */
		carrier->missed = link->family == ESPALIER_FAMILY_ROUTE && link->groups != 0;
		return;
	}
	obey_answer(carrier->fd, 0);
	carrier->state = CARRIER_OPEN;
}

static const struct link_owner owner = {
	.up = up,
	.deliver = deliver,
	.ended = ended,
	.event = event,
};

struct carrier *
carrier_create(int fd, const struct server *server, uint32_t family, struct ledger *ledger)
{
	struct carrier *carrier = calloc(1, sizeof(*carrier));

	if (carrier == NULL) {
		close(fd);
		return NULL;
	}
	link_open(&carrier->link, server, family, &owner);
	carrier->ledger = ledger;
	carrier->fd = fd;
	return carrier;
}

void
carrier_destroy(struct carrier *carrier)
{
	link_close(&carrier->link);
	outbox_clear(&carrier->outbox);
	if (carrier->fd >= 0)
		close(carrier->fd);
	free(carrier);
}

/* --- requests --- */

/* What getsockname() tells the program, and answers to it carry; 0: it has not asked for any. */
static uint32_t
read_port_id(int fd)
{
	struct sockaddr_un name;
	socklen_t bytes = sizeof(name);
	unsigned family, pid;

	memset(&name, 0, sizeof(name));
	if (getpeername(fd, (struct sockaddr *)&name, &bytes) < 0 ||
		sscanf(name.sun_path + 1, ORDER_NAME_FORMAT, &family, &pid) != 2)
		return 0;
	return pid;
}

static void
refuse_long(struct carrier *carrier, const uint8_t *datagram, size_t bytes)
{
	struct netlink_span span = { .at = datagram, .bytes = LINK_DATAGRAM_BYTES_MAX };
	struct netlink_message message = { 0 };
	struct netlink_refusal why;

	netlink_next_message(&span, &message, &why);
	int error = netlink_refuse(&why, EMSGSIZE,
		"a datagram of %zu bytes; %u are carried at most", bytes, LINK_DATAGRAM_BYTES_MAX);
	link_refuse(&carrier->link, &message, error, &why);
}

/* What is no message is passed over without a word, as the kernel does. */
static void
take_requests(struct carrier *carrier, struct netlink_span datagram)
{
	struct netlink_message message;
	struct netlink_refusal why;

	if (carrier->link.answer_pid == 0)
		carrier->link.answer_pid = read_port_id(carrier->fd);
	while (netlink_next_message(&datagram, &message, &why) > 0) {
		const uint8_t *at = message.body.at - NLMSG_HDRLEN;
		struct request *request = request_create(REQUEST_PROGRAM, at, message.length);

		if (request != NULL)
			link_request(&carrier->link, request);
		else
			link_refuse(&carrier->link, &message,
				netlink_refuse(&why, ENOMEM, "espalier-run has no memory for it"),
				&why);
	}
}

static void
leave(struct carrier *carrier, uint64_t now_ns)
{
	carrier->state = CARRIER_LEFT;
	carrier->due_ns = now_ns + CARRIER_PATIENCE_NS;
	outbox_clear(&carrier->outbox);
	close(carrier->fd);
	carrier->fd = -1;
}

/* The descriptor that came with a datagram, or -1. */
static int
attached(struct msghdr *header)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(header);
	int fd = -1;

	if (control != NULL && control->cmsg_level == SOL_SOCKET &&
		control->cmsg_type == SCM_RIGHTS && control->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(control), sizeof(fd));
	return fd;
}

/* Is the other end still there? An empty datagram looks like its end. */
static bool
left(int fd)
{
	struct pollfd look = { .fd = fd, .events = POLLRDHUP };

	return poll(&look, 1, 0) > 0 && (look.revents & (POLLHUP | POLLRDHUP | POLLERR)) != 0;
}

void
carrier_receive(struct carrier *carrier, uint64_t now_ns)
{
	static _Alignas(4) uint8_t datagram[LINK_DATAGRAM_BYTES_MAX];
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = datagram, .iov_len = sizeof(datagram) };
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t bytes = recvmsg(carrier->fd, &header, MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);
	struct order order = { 0 };

	/* A program that closes with unread answers resets the connection. That is told once, in
	 * front of the requests that it left; the end comes behind them. */
	if (bytes < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNRESET))
		return;
	if (bytes < 0 || (bytes == 0 && left(carrier->fd))) {
		leave(carrier, now_ns);
		return;
	}
	int fd = attached(&header);
	if (bytes == sizeof(order))
		memcpy(&order, datagram, sizeof(order));
	if (order.magic == ORDER_MAGIC && order.length == 0) {
		obey_order(carrier, &order, fd, now_ns);
		return;
	}
	if (fd >= 0)
		close(fd);
	if ((size_t)bytes > sizeof(datagram))
		refuse_long(carrier, datagram, (size_t)bytes);
	else
		take_requests(
			carrier, (struct netlink_span) { .at = datagram, .bytes = (size_t)bytes });
	explicit_bzero(
		datagram, (size_t)bytes < sizeof(datagram) ? (size_t)bytes : sizeof(datagram));
}

/* --- the clock --- */

/* socket() fails in the program. */
static void
turn_away(struct carrier *carrier)
{
	const struct link_fault *fault = &carrier->link.fault;

	log_error("a netlink socket cannot be carried: %s",
		fault->error != 0 ? fault->text : "the control socket does not answer");
	obey_answer(carrier->fd, fault->error != 0 ? fault->error : ETIMEDOUT);
}

bool
carrier_is_full(const struct carrier *carrier)
{
	return carrier->link.queue.bytes >= WAITING_BYTES_MAX;
}

/*
 * Where there is no room for requests the program's end is not read, and would never be seen to
 * close. If the gateway makes no room for what a program left behind, that is given up as the last
 * requests of others are.
 */
static bool
abandoned(struct carrier *carrier, uint64_t now_ns)
{
	if (!carrier_is_full(carrier) || !left(carrier->fd)) {
		carrier->due_ns = 0;
		return false;
	}
	if (carrier->due_ns == 0)
		carrier->due_ns = now_ns + CARRIER_PATIENCE_NS;
	return now_ns >= carrier->due_ns;
}

bool
carrier_tend(struct carrier *carrier, uint64_t now_ns)
{
	if (carrier->state != CARRIER_KNOCKING)
		link_tend(&carrier->link, now_ns);
	switch (carrier->state) {
	case CARRIER_OPENING:
		if (!carrier->link.fault.lasting && now_ns < carrier->due_ns)
			return true;
		turn_away(carrier);
		return false;
	case CARRIER_LEFT:
		return carrier->link.queue.first != NULL && now_ns < carrier->due_ns;
	case CARRIER_OPEN:
		return !abandoned(carrier, now_ns);
	default:
		return true;
	}
}

short
carrier_program_events(const struct carrier *carrier)
{
	short events = 0;

	if (carrier->state != CARRIER_LEFT && !carrier_is_full(carrier))
		events |= POLLIN;
	if (!outbox_empty(&carrier->outbox))
		events |= POLLOUT;
	return events;
}

short
carrier_link_events(const struct carrier *carrier)
{
	short events = 0;

	if (outbox_empty(&carrier->outbox))
		events |= POLLIN;
	if (carrier->link.state == LINK_UP && carrier->link.queue.unsent != NULL)
		events |= POLLOUT;
	return events;
}

bool
carrier_is_slow(const struct carrier *carrier)
{
	return carrier->outbox.bytes > OUTBOX_BYTES_MAX / 2;
}
