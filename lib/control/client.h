/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include "outbox.h"
#include "session.h"

/*
 * A client: a session with its socket. A client gets its next request read only when it has taken
 * all answers to the last, so one that does not read costs no more than an outbox. Control only.
 */

struct client {
	int fd;               /* -1: the place is free */
	uint32_t generation;  /* counts the clients that had this place */
	uint32_t interest;    /* epoll events asked for */
	bool over;            /* hang up once the outbox is empty */
	uint64_t progress_ns; /* CLOCK_MONOTONIC: when it last took or gave something */
	struct outbox outbox;
	struct session session;
};

/* Takes a connected, non-blocking socket over. */
void client_open(
	struct client *client, int fd, struct session_context *context, enum session_access access);
/* Hangs up; the place is free. */
void client_close(struct client *client);

/*
 * One turn after epoll reported `events`: sends what waits, then takes one request or makes one
 * datagram of a dump. False: the client is through, close it.
 */
bool client_turn(struct client *client, uint32_t events, uint64_t now_ns);
/* The epoll events that its next turn waits for. */
uint32_t client_interest(const struct client *client);

/* Does it hold a place without using it: no hello yet, or answers it does not take? */
bool client_idle(const struct client *client);
