/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netlink.h"

/*
 * Requests on their way to the control socket, one message each, in order: sent ones whose end has
 * not been seen, then those that wait. Requests hold keys; what leaves a queue is zeroized.
 */

/* The port id in requests of our own, which no program has: answers to it stay here. */
#define REQUEST_PID UINT32_MAX

enum request_origin {
	REQUEST_PROGRAM,
	REQUEST_JOIN,    /* of a group; value: the group */
	REQUEST_LEAVE,   /* of a group; value: the group */
	REQUEST_CHECK,   /* is this SA still there? */
	REQUEST_RESTORE, /* of a policy */
};

struct request {
	struct request *next;
	enum request_origin origin;
	uint32_t value;
	int answer_fd;     /* owned; -1: no order waits for the end */
	bool answer_error; /* tell that order of an error too */
	bool begun;        /* a part of the answer has been handed on */
	bool acked;        /* the program asked for an ack itself */
	uint32_t sequence, pid;
	size_t bytes;
	_Alignas(4) uint8_t data[];
};

struct queue {
	struct request *first, *last;
	struct request *unsent; /* the first that waits; NULL: all are sent */
	size_t bytes;           /* of all requests */
};

/*
 * Makes a request of a whole message. The copy asks for an ack whether or not the program did: the
 * end of every request must be seen, to know what to send again. NULL: no memory.
 */
struct request *request_create(enum request_origin origin, const void *message, size_t bytes);
/* One that joins or leaves a group. */
struct request *request_group(enum request_origin origin, uint32_t group);
/* Zeroizes and frees it; an order that still waits is told `error` (positive, or 0). */
void request_destroy(struct request *request, int error);
/* The request as a message; its body is the request's. */
struct netlink_message request_message(const struct request *request);

void queue_append(struct queue *queue, struct request *request);
/* Only where none is sent. */
void queue_prepend(struct queue *queue, struct request *request);
/* Takes the first out; the caller owns it. NULL: none. */
struct request *queue_take(struct queue *queue);
/* The first that waits has been sent. */
void queue_sent(struct queue *queue);
/* All wait again. */
void queue_rewind(struct queue *queue);
void queue_clear(struct queue *queue);
