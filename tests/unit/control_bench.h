/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * A control socket over the small gateway, and its clients, for tests. All in one thread: whoever
 * waits for an answer gives the server its turns.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <linux/netlink.h>

#include "control.h"
#include "netlink.h"
#include "protocol.h"
#include "session.h"
#include "small_gateway.h"
#include "socket_path.h"

#define TURNS 64 /* enough for any exchange of these tests */

static struct gateway *gw;
static struct control *control; /* the server, and where it listens */
static char directory[64], rw_path[80], ro_path[80];
static const struct control_facts facts = { .version = "0.1.0", .crypto = "none" };

static inline int
start(void **state)
{
	char error[256];

	(void)state;
	small_eal_init();
	gw = small_gateway_create();
	snprintf(directory, sizeof(directory), "/tmp/espalier-test-%d", getpid());
	snprintf(rw_path, sizeof(rw_path), "%s/control.sock", directory);
	assert_true(socket_path_ro(rw_path, ro_path, sizeof(ro_path)));
	control = control_open(gw, &facts, rw_path, error, sizeof(error));
	if (control == NULL)
		fail_msg("%s", error);
	return 0;
}

static inline int
stop(void **state)
{
	(void)state;
	control_close(control);
	gateway_destroy(gw);
	rmdir(directory);
	return 0;
}

static inline int
dial(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	memcpy(address.sun_path, path, strlen(path));
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static inline void
pump(void)
{
	for (unsigned turn = 0; turn < TURNS; turn++)
		control_dispatch(control);
}

static inline void
begin(struct netlink_writer *writer, uint16_t type)
{
	static uint32_t sequence;
	static uint8_t buffer[1024];

	netlink_writer_init(writer, buffer, sizeof(buffer));
	netlink_begin(writer, type, NLM_F_REQUEST | NLM_F_ACK, ++sequence, 4711);
}

static inline void
send_off(int fd, struct netlink_writer *writer)
{
	assert_int_equal(netlink_commit(writer), 0);
	assert_int_equal(send(fd, writer->buffer, writer->used, MSG_NOSIGNAL), writer->used);
}

/* What came back to one request. */
struct answer {
	int error; /* errno of the ack; -1: none came, -2: the server hung up instead */
	char words[NETLINK_TEXT_BYTES];
	json_t *rows;
};

static inline void
read_message(const struct netlink_message *message, struct answer *answer)
{
	struct netlink_refusal words;

	if (message->type == NLMSG_ERROR || message->type == NLMSG_DONE) {
		answer->error = netlink_status(message, &words);
		memcpy(answer->words, words.text, sizeof(words.text));
		return;
	}
	json_t *row = json_loadb((const char *)message->body.at, message->body.bytes, 0, NULL);
	assert_non_null(row);
	/* No key in any answer, as text or as hex. */
	char *text = strndup((const char *)message->body.at, message->body.bytes);
	assert_null(strstr(text, "a5a5"));
	free(text);
	json_array_append_new(answer->rows, row);
}

static inline void
read_datagram(struct netlink_span datagram, struct answer *answer)
{
	struct netlink_message message;
	struct netlink_refusal why;

	while (netlink_next_message(&datagram, &message, &why) > 0)
		read_message(&message, answer);
}

/* Gives turns and reads until the ack. `answer.rows` is the caller's. */
static inline struct answer
collect(int fd)
{
	struct answer answer = { .error = -1, .rows = json_array() };
	static uint8_t datagram[SESSION_ANSWER_BYTES_MAX + 1];

	for (unsigned turn = 0; turn < 100000 && answer.error == -1; turn++) {
		ssize_t bytes = recv(fd, datagram, sizeof(datagram), 0);

		if (bytes == 0)
			answer.error = -2;
		if (bytes <= 0) {
			control_dispatch(control);
			continue;
		}
		assert_in_range(bytes, 1, SESSION_ANSWER_BYTES_MAX);
		size_t before = json_array_size(answer.rows);
		read_datagram((struct netlink_span) { datagram, (size_t)bytes }, &answer);
		/* A client may have a buffer of 4096 bytes; a longer row comes alone. */
		if (json_array_size(answer.rows) > before + 1)
			assert_in_range(bytes, 1, 4096);
	}
	return answer;
}

static inline int
collect_error(int fd, const char *words)
{
	struct answer answer = collect(fd);

	json_decref(answer.rows);
	if (words != NULL && strstr(answer.words, words) == NULL)
		fail_msg("expected '%s' in '%s'", words, answer.words);
	return answer.error;
}

static inline void
put_hello(struct netlink_writer *writer, uint32_t version, uint32_t family)
{
	struct espalier_hello hello = { version, family };

	begin(writer, ESPALIER_HELLO);
	netlink_put(writer, &hello, sizeof(hello));
}

/* A connection that has said hello to the own family. */
static inline int
greet(const char *path)
{
	struct netlink_writer writer;
	int fd = dial(path);

	put_hello(&writer, ESPALIER_PROTOCOL_VERSION, ESPALIER_FAMILY_OWN);
	send_off(fd, &writer);
	assert_int_equal(collect_error(fd, NULL), 0);
	return fd;
}

static inline bool
hung_up(int fd)
{
	char byte;

	pump();
	return recv(fd, &byte, 1, 0) == 0;
}

static inline void
ask_show(int fd, uint32_t subject)
{
	struct netlink_writer writer;

	begin(&writer, ESPALIER_SHOW);
	netlink_put(&writer, &subject, sizeof(subject));
	send_off(fd, &writer);
}

static inline json_t *
show(const char *path, uint32_t subject)
{
	int fd = greet(path);

	ask_show(fd, subject);
	struct answer answer = collect(fd);
	assert_int_equal(answer.error, 0);
	close(fd);
	return answer.rows;
}

static inline int
set_tunnel(int fd, const char *name, uint8_t down, const char *words)
{
	struct netlink_writer writer;

	begin(&writer, ESPALIER_TUNNEL_SET);
	netlink_put_text(&writer, ESPALIER_TUNNEL_NAME, name);
	netlink_put_u8(&writer, ESPALIER_TUNNEL_DOWN, down);
	send_off(fd, &writer);
	return collect_error(fd, words);
}

static inline const char *
text_at(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}
