/* SPDX-License-Identifier: BSD-3-Clause */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <rte_common.h>

#include "client.h"
#include "clock.h"
#include "compiler.h"
#include "gateway.h"
#include "listen.h"
#include "listener.h"
#include "route_family.h"
#include "session.h"
#include "socket_path.h"
#include "xfrm.h"

#define CLIENTS_MAX 32 /* on each of the two sockets, so that readers cannot keep a daemon out */
#define EVENTS_PER_TURN 16
#define ACCEPTS_PER_TURN 4
/* A client without a hello, or stuck for so long, makes place for a new one when places run out. */
#define IDLE_NS (5 * SECOND_NS)

/* One of the two sockets and who came through it. */
struct door {
	struct listen_socket listener;
	enum session_access access;
	struct client clients[CLIENTS_MAX];
};

enum { DOOR_RW, DOOR_RO, DOORS };

struct control {
	int epoll;
	int spare; /* a descriptor to give up when the process has no more; see refuse_quietly() */
	struct door doors[DOORS];
	struct session_context context;
	struct listener listener;
};

/* --- epoll's data --- */

/*
 * An event names a place and the client that had it when the event was asked for: within one turn a
 * place may have passed on to another.
 */
#define PLACE_LISTENER CLIENTS_MAX

static uint64_t
event_name(unsigned door, unsigned place, uint32_t generation)
{
	return (uint64_t)generation << 32 | door << 16 | place;
}

static int
watch(struct control *control, int operation, int fd, uint32_t events, uint64_t name)
{
	struct epoll_event event = { .events = events, .data.u64 = name };

	return epoll_ctl(control->epoll, operation, fd, &event);
}

/* --- newcomers --- */

/* A free place, or that of the client that has been idle longest, who goes. NULL: all are in use.
 */
static struct client *
find_place(struct door *door, uint64_t now)
{
	struct client *idle = NULL;

	for (unsigned place = 0; place < CLIENTS_MAX; place++) {
		struct client *client = &door->clients[place];

		if (client->fd < 0)
			return client;
		if (client_idle(client) && client->progress_ns + IDLE_NS <= now &&
			(idle == NULL || client->progress_ns < idle->progress_ns))
			idle = client;
	}
	if (idle != NULL)
		client_close(idle);
	return idle;
}

/* Tells somebody for whom there is no place. */
static void
turn_away(int fd)
{
	uint32_t buffer[64];
	struct netlink_message nothing = { 0 };
	struct netlink_refusal why;
	struct netlink_writer writer;
	int error = netlink_refuse(&why, EUSERS,
		"%u clients are connected, and there is no place "
		"for more",
		CLIENTS_MAX);

	netlink_writer_init(&writer, buffer, sizeof(buffer));
	if (netlink_write_ack(&writer, &nothing, error, &why) == 0)
		(void)!send(fd, buffer, writer.used, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

/* No descriptor is left: without this, the listener would stay readable and the control core would
 * spin. */
static void
refuse_quietly(struct control *control, const struct listen_socket *listener)
{
	close(control->spare);
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	control->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
set_interest(struct control *control, struct client *client, uint64_t name)
{
	uint32_t interest = client_interest(client);

	if (interest == client->interest)
		return;
	client->interest = interest;
	watch(control, EPOLL_CTL_MOD, client->fd, interest, name);
}

/* An event waits for a client, perhaps outside of a turn: its socket will say when it takes it. */
static void
stir(struct session *session)
{
	struct control *control = container_of(session->context, struct control, context);
	struct client *client = container_of(session, struct client, session);
	unsigned d = session->access == SESSION_READ_WRITE ? DOOR_RW : DOOR_RO;
	unsigned place = (unsigned)(client - control->doors[d].clients);

	/* Nothing waited for it until now, so it is not slow. */
	client->progress_ns = clock_now_ns();
	set_interest(control, client, event_name(d, place, client->generation));
}

static void
admit(struct control *control, unsigned d, int fd, uint64_t now)
{
	struct door *door = &control->doors[d];
	struct client *client = find_place(door, now);

	if (client == NULL) {
		turn_away(fd);
		return;
	}
	client_open(client, fd, &control->context, door->access);
	client->session.stir = stir;
	client->progress_ns = now;
	client->interest = client_interest(client);
	unsigned place = (unsigned)(client - door->clients);
	if (watch(control, EPOLL_CTL_ADD, fd, client->interest,
		    event_name(d, place, client->generation)) < 0)
		client_close(client);
}

static void
accept_some(struct control *control, unsigned d, uint64_t now)
{
	const struct listen_socket *listener = &control->doors[d].listener;

	for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
		int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0)
			admit(control, d, fd, now);
		else if (errno == EMFILE || errno == ENFILE)
			refuse_quietly(control, listener);
		else
			return;
	}
}

/* --- the rest --- */

static void
serve(struct control *control, struct client *client, const struct epoll_event *event, uint64_t now)
{
	if (!client_turn(client, event->events, now)) {
		client_close(client);
		return;
	}
	set_interest(control, client, event->data.u64);
}

void
control_dispatch(struct control *control)
{
	struct epoll_event events[EVENTS_PER_TURN];
	int n = epoll_wait(control->epoll, events, ARRAY_LEN(events), 0);
	uint64_t now = clock_now_ns();

	for (int i = 0; i < n; i++) {
		uint64_t name = events[i].data.u64;
		unsigned d = name >> 16 & 0xffff;
		unsigned place = name & 0xffff;

		if (place == PLACE_LISTENER) {
			accept_some(control, d, now);
			continue;
		}
		struct client *client = &control->doors[d].clients[place];
		if (client->fd >= 0 && client->generation == name >> 32)
			serve(control, client, &events[i], now);
	}
}

void
control_tick(struct control *control, uint64_t now)
{
	xfrm_tick(control->context.xfrm, now);
}

int
control_fd(const struct control *control)
{
	return control->epoll;
}

/* Whoever reaches the directory may read, the group alone may write: see docs/control-socket.md. */
static int
open_doors(struct control *control, const char *path, char *error, size_t error_bytes)
{
	char ro[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

	if (!socket_path_ro(path, ro, sizeof(ro))) {
		snprintf(error, error_bytes,
			"the path of the read-only socket beside %s is too long", path);
		return -1;
	}
	if (listen_directory(path, error, error_bytes) < 0 ||
		listen_open(&control->doors[DOOR_RW].listener, path, 0660, error, error_bytes) <
			0 ||
		listen_open(&control->doors[DOOR_RO].listener, ro, 0666, error, error_bytes) < 0)
		return -1;
	for (unsigned d = 0; d < DOORS; d++) {
		if (watch(control, EPOLL_CTL_ADD, control->doors[d].listener.fd, EPOLLIN,
			    event_name(d, PLACE_LISTENER, 0)) == 0)
			continue;
		snprintf(error, error_bytes, "cannot watch %s: %s", path, strerror(errno));
		return -1;
	}
	return 0;
}

struct control *
control_open(struct gateway *gw, const struct control_facts *facts, const char *path, char *error,
	size_t error_bytes)
{
	struct control *control = calloc(1, sizeof(*control));

	if (control == NULL) {
		snprintf(error, error_bytes, "out of memory");
		return NULL;
	}
	control->context.gw = gw;
	control->context.facts = *facts;
	control->doors[DOOR_RW].access = SESSION_READ_WRITE;
	control->doors[DOOR_RO].access = SESSION_READ_ONLY;
	for (unsigned d = 0; d < DOORS; d++) {
		control->doors[d].listener.fd = -1;
		for (unsigned place = 0; place < CLIENTS_MAX; place++)
			control->doors[d].clients[place].fd = -1;
	}
	control->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	control->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (control->epoll < 0 || control->spare < 0) {
		snprintf(error, error_bytes, "no descriptor for the control socket: %s",
			strerror(errno));
		goto close;
	}
	if (xfrm_open(&control->context) < 0) {
		snprintf(error, error_bytes, "out of memory");
		goto close;
	}
	if (open_doors(control, path, error, error_bytes) < 0)
		goto close;
	control->listener.context = &control->context;
	route_family_listen(&control->listener);
	xfrm_listen(&control->listener);
	gw->listener = &control->listener;
	return control;

close:
	control_close(control);
	return NULL;
}

void
control_close(struct control *control)
{
	if (control == NULL)
		return;
	for (unsigned d = 0; d < DOORS; d++) {
		listen_close(&control->doors[d].listener);
		for (unsigned place = 0; place < CLIENTS_MAX; place++)
			if (control->doors[d].clients[place].fd >= 0)
				client_close(&control->doors[d].clients[place]);
	}
	xfrm_close(&control->context);
	if (control->context.gw->listener == &control->listener)
		control->context.gw->listener = NULL;
	if (control->spare >= 0)
		close(control->spare);
	if (control->epoll >= 0)
		close(control->epoll);
	free(control);
}
