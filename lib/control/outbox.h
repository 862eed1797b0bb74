/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What waits to be sent to one client: datagrams in order, bounded in bytes. Whoever fills it need
 * not know whether a socket or a test empties it. Control only.
 */

#define OUTBOX_BYTES_MAX (1u << 20)

struct outbox_datagram;

struct outbox {
	struct outbox_datagram *first; /* NULL: empty */
	struct outbox_datagram *last;
	size_t bytes; /* waiting, with what it costs to keep them */
};

/* Copies a datagram to the end. 0, -ENOBUFS (the bound) or -ENOMEM. */
int outbox_put(struct outbox *outbox, const void *datagram, size_t bytes);
/* Sends until it is empty (0), the socket is full (-EAGAIN) or broken (-errno). */
int outbox_flush(struct outbox *outbox, int socket);
/* Forgets everything. An outbox that is all zeroes is empty and needs no init. */
void outbox_clear(struct outbox *outbox);

/* The first datagram, or NULL; it stays the outbox's until the next call. */
const uint8_t *outbox_peek(const struct outbox *outbox, size_t *bytes);
void outbox_pop(struct outbox *outbox);

static inline bool
outbox_empty(const struct outbox *outbox)
{
	return outbox->first == NULL;
}
