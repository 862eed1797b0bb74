/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop.h"
#include "netlink.h"

/*
 * A connection of the ROUTE family to Espalier's control socket, which outlives the server behind
 * it: when it breaks it is made again, with growing pauses.
 */

#define CHANNEL_DATAGRAM_BYTES 32768 /* the longest that the server takes */

struct channel;

/* What the owner of a channel does. */
struct channel_owner {
	/* Hello has been said and answered. */
	void (*up)(struct channel *channel);
	/* It was up, and broke. */
	void (*down)(struct channel *channel);
	void (*message)(struct channel *channel, const struct netlink_message *message);
	/* After a send that found no room: now there is. */
	void (*room)(struct channel *channel);
};

enum channel_state { CHANNEL_DOWN, CHANNEL_GREETING, CHANNEL_UP };

struct channel {
	struct loop *loop;
	const char *path;
	const struct channel_owner *owner;
	void *context; /* the owner's */
	struct watcher watcher;
	enum channel_state state;
	uint64_t due_ns; /* down: when to try again; greeting: when to give up */
	uint64_t pause_ns;
	char fault[256]; /* why it is down, as was logged; empty: it is not */
};

/* The first try comes at the next channel_tend(). */
void channel_open(struct channel *channel, struct loop *loop, const char *path,
	const struct channel_owner *owner, void *context);
void channel_close(struct channel *channel);

/* Does what is due. Returns when something will be next. */
uint64_t channel_tend(struct channel *channel, uint64_t now_ns);
/* All is well: the next pause is a short one, and the next fault is told again. */
void channel_settle(struct channel *channel);
/* Sends one datagram. 0; -EAGAIN: no room now, room() will tell; other errors show as down(). */
int channel_send(struct channel *channel, const void *datagram, size_t bytes);
/* Breaks it off, with a word for the operator; it is made again after a pause. */
void channel_break(struct channel *channel, const char *why);
