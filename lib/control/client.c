/* SPDX-License-Identifier: BSD-3-Clause */
#include "client.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

void
client_open(
	struct client *client, int fd, struct session_context *context, enum session_access access)
{
	struct ucred peer = { .pid = 0, .uid = (uid_t)-1 };
	socklen_t bytes = sizeof(peer);

	/* The file's mode decides who may connect; this is for the log alone. */
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes);
	*client = (struct client) {
		.fd = fd,
		.generation = client->generation + 1,
		.session = {
			.context = context,
			.outbox = &client->outbox,
			.access = access,
			.pid = peer.pid,
			.uid = peer.uid,
		},
	};
}

void
client_close(struct client *client)
{
	session_close(&client->session);
	close(client->fd);
	client->fd = -1;
	outbox_clear(&client->outbox);
}

/* Sends what waits. A peer that reads no more gets no more; its requests are still taken, for a
 * program may send changes and leave without looking for answers. */
static void
send_waiting(struct client *client)
{
	int error = outbox_flush(&client->outbox, client->fd);

	if (error == 0 || error == -EAGAIN)
		return;
	outbox_clear(&client->outbox);
	client->session.dump.row = NULL;
}

/* Takes one request. False: the peer is gone. */
static bool
receive(struct client *client, uint32_t events)
{
	uint8_t datagram[SESSION_REQUEST_BYTES_MAX];
	ssize_t bytes = recv(client->fd, datagram, sizeof(datagram), MSG_DONTWAIT | MSG_TRUNC);

	/* A peer that closes with unread answers resets the connection. That is told once, in front
	 * of the requests that it left; the end comes behind them. */
	if (bytes < 0)
		return errno == EAGAIN || errno == EINTR || errno == ECONNRESET;
	/* Nothing at all is the end, or an empty datagram of a peer that is still there. */
	if (bytes == 0 && (events & (EPOLLHUP | EPOLLRDHUP)) != 0)
		return false;
	client->over = session_receive(&client->session, datagram, (size_t)bytes) == SESSION_OVER;
	/* There may have been keys in it. */
	explicit_bzero(
		datagram, (size_t)bytes < sizeof(datagram) ? (size_t)bytes : sizeof(datagram));
	return true;
}

bool
client_turn(struct client *client, uint32_t events, uint64_t now_ns)
{
	size_t waiting = client->outbox.bytes;

	send_waiting(client);
	if (waiting == 0 || client->outbox.bytes < waiting)
		client->progress_ns = now_ns;
	if (!outbox_empty(&client->outbox))
		return true;
	if (client->over)
		return false;
	if (session_dumping(&client->session))
		client->over = session_continue(&client->session) == SESSION_OVER;
	else if (!receive(client, events))
		return false;
	send_waiting(client);
	return !client->over || !outbox_empty(&client->outbox);
}

uint32_t
client_interest(const struct client *client)
{
	if (!outbox_empty(&client->outbox) || session_dumping(&client->session))
		return EPOLLOUT;
	return EPOLLIN | EPOLLRDHUP;
}

bool
client_idle(const struct client *client)
{
	return client->session.family == NULL || !outbox_empty(&client->outbox);
}
