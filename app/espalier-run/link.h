/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "netlink.h"
#include "queue.h"

/*
 * One connection to the control socket, which outlives the server behind it. When it breaks it is
 * made again, with growing pauses; then it says hello, joins its groups again, and sends again what
 * had no answer. Nothing is sent before the kernel has said that the server runs as somebody whom
 * we trust with keys.
 */

#define LINK_GROUPS 64                /* groups 1 to 63: more than either family has */
#define LINK_DATAGRAM_BYTES_MAX 65536 /* either way */

struct server {
	const char *path;
	uid_t uid; /* trusted besides root and ourselves */
};

/* Why a link is not up. */
struct link_fault {
	int error;    /* positive errno; 0: none so far */
	bool lasting; /* waiting does not mend it */
	char text[NETLINK_TEXT_BYTES + 160];
};

struct link;

/* What the owner of a link does. */
struct link_owner {
	/* It is up, and its groups are being joined. */
	void (*up)(struct link *link);
	/* It was up, and broke. NULL: does not mind. */
	void (*down)(struct link *link);
	/* Takes messages meant for the program, one datagram. */
	void (*deliver)(struct link *link, const void *datagram, size_t bytes);
	/* A request came to its end: 0 or a positive errno. It is destroyed afterwards. */
	void (*ended)(struct link *link, const struct request *request, int error);
	/* A message that answers nothing; it is delivered, too. NULL: does not mind. */
	void (*event)(struct link *link, const struct netlink_message *message);
};

enum link_state { LINK_DOWN, LINK_GREETING, LINK_UP };

struct link {
	const struct server *server;
	const struct link_owner *owner;
	uint32_t family;
	uint32_t answer_pid; /* port id that answers to the program carry */
	int fd;              /* -1: down */
	enum link_state state;
	bool held;       /* down: does not try, whatever the clock says */
	uint64_t due_ns; /* down: when to try again; greeting: when to give up */
	uint64_t pause_ns;
	uint64_t groups; /* joined, as bits */
	struct queue queue;
	struct link_fault fault;
};

/* The first try comes at the next link_tend(). */
void link_open(struct link *link, const struct server *server, uint32_t family,
	const struct link_owner *owner);
void link_close(struct link *link);

/* Does what is due by the clock: tries to connect, or gives up on a server that does not greet. */
void link_tend(struct link *link, uint64_t now_ns);
/* Takes one datagram from the server, or finds it gone. */
void link_receive(struct link *link, uint64_t now_ns);
/* Queues a request, which the link owns then, and sends what it can. A group is remembered, and
 * needs no request while the link is not up. */
void link_request(struct link *link, struct request *request);
/* Answers a request of the program that the server will not answer. */
void link_refuse(struct link *link, const struct netlink_message *request, int error,
	const struct netlink_refusal *why);
void link_send(struct link *link);
