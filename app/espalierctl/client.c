/* SPDX-License-Identifier: BSD-3-Clause */
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "protocol.h"
#include "socket_path.h"

#define ANSWER_BYTES_MAX 65536
#define PATIENCE_S 10

static void
complain(const char *what)
{
	fprintf(stderr, "espalierctl: %s\n", what);
}

/* A connected socket, or -errno. */
static int
connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_S };

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	int error = -errno;
	close(fd);
	return error;
}

static bool
is_socket(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISSOCK(status.st_mode);
}

static void
explain_connect(const char *path, int error)
{
	if (path[0] == '\0' || (error == -ECONNREFUSED && !is_socket(path)))
		fprintf(stderr, "espalierctl: '%s' is no socket; give that of espalier with -s\n",
			path);
	else if (error == -ENOENT || error == -ECONNREFUSED)
		fprintf(stderr,
			"espalierctl: no espalier listens at %s; is it running? Give its socket "
			"with -s.\n",
			path);
	else if (error == -EACCES || error == -EPERM)
		fprintf(stderr,
			"espalierctl: not permitted to use %s; be root, or in group espalier\n",
			path);
	else
		fprintf(stderr, "espalierctl: cannot connect to %s: %s\n", path, strerror(-error));
}

static int
hello(struct client *client)
{
	struct espalier_hello hello = {
		.version = ESPALIER_PROTOCOL_VERSION,
		.family = ESPALIER_FAMILY_OWN,
	};
	uint8_t buffer[CLIENT_REQUEST_BYTES];
	struct netlink_writer writer;

	client_begin(client, &writer, buffer, ESPALIER_HELLO);
	netlink_put(&writer, &hello, sizeof(hello));
	json_t *nothing = client_ask(client, &writer);
	json_decref(nothing);
	return nothing == NULL ? -1 : 0;
}

int
client_open(struct client *client, const char *path, enum client_access access)
{
	char ro[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

	*client = (struct client) { .fd = -1 };
	if (access == CLIENT_READS && socket_path_ro(path, ro, sizeof(ro)))
		client->fd = connect_to(ro);
	if (client->fd < 0)
		client->fd = connect_to(path);
	if (client->fd < 0) {
		explain_connect(path, client->fd);
		return -1;
	}
	if (hello(client) == 0)
		return 0;
	client_close(client);
	return -1;
}

void
client_close(struct client *client)
{
	close(client->fd);
	client->fd = -1;
}

void
client_begin(struct client *client, struct netlink_writer *writer, void *buffer, uint16_t type)
{
	netlink_writer_init(writer, buffer, CLIENT_REQUEST_BYTES);
	netlink_begin(writer, type, NLM_F_REQUEST | NLM_F_ACK, ++client->sequence, 0);
}

enum progress { WAITING, COMPLETE, FAILED };

static enum progress
take_status(const struct netlink_message *message)
{
	struct netlink_refusal words;
	int error = netlink_status(message, &words);

	if (error == 0)
		return COMPLETE;
	complain(words.text[0] != '\0' ? words.text : strerror(error));
	return FAILED;
}

static enum progress
take_row(const struct netlink_message *message, json_t *rows)
{
	json_error_t error;
	json_t *row = json_loadb((const char *)message->body.at, message->body.bytes, 0, &error);

	if (row != NULL && json_array_append_new(rows, row) == 0)
		return WAITING;
	fprintf(stderr, "espalierctl: an answer that is no JSON: %s\n", error.text);
	return FAILED;
}

/* Takes a datagram apart. */
static enum progress
take(const struct client *client, struct netlink_span datagram, json_t *rows)
{
	enum progress progress = WAITING;
	struct netlink_message message;
	struct netlink_refusal why;
	int got = 0;

	while (progress == WAITING && (got = netlink_next_message(&datagram, &message, &why)) > 0) {
		bool status = message.type == NLMSG_ERROR || message.type == NLMSG_DONE;

		/* Sequence 0 is the refusal of a server that has no place for us. */
		if (message.sequence != client->sequence && message.sequence != 0)
			continue;
		progress = status ? take_status(&message) : take_row(&message, rows);
	}
	if (got < 0)
		complain(why.text);
	return got < 0 ? FAILED : progress;
}

static enum progress
receive(const struct client *client, json_t *rows)
{
	static uint8_t datagram[ANSWER_BYTES_MAX];
	ssize_t bytes = recv(client->fd, datagram, sizeof(datagram), 0);

	if (bytes > 0)
		return take(client,
			(struct netlink_span) { .at = datagram, .bytes = (size_t)bytes }, rows);
	if (bytes == 0)
		complain("espalier hung up before it answered");
	else if (errno == EINTR || errno == ECONNRESET)
		return WAITING; /* of a server that turned us away, the reason is still to be read
				 */
	else if (errno == EAGAIN)
		fprintf(stderr, "espalierctl: no answer within %d seconds\n", PATIENCE_S);
	else
		perror("espalierctl: no answer");
	return FAILED;
}

json_t *
client_ask(struct client *client, struct netlink_writer *writer)
{
	enum progress progress = WAITING;
	json_t *rows = json_array();

	/* A server that turned us away has closed its end and left its reason to be read. */
	if (netlink_commit(writer) < 0) {
		complain("the request is too long");
		progress = FAILED;
	} else if (send(client->fd, writer->buffer, writer->used, MSG_NOSIGNAL) < 0 &&
		errno != EPIPE) {
		perror("espalierctl: cannot ask");
		progress = FAILED;
	}
	while (progress == WAITING)
		progress = receive(client, rows);
	if (progress == COMPLETE)
		return rows;
	json_decref(rows);
	return NULL;
}
