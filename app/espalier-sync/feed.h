/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "channel.h"
#include "interfaces.h"
#include "nexthops.h"
#include "ration.h"
#include "rib.h"
#include "translate.h"

/*
 * Keeps Espalier in step with one source: sends what is new in its rib, in datagrams of many
 * messages, several on their way at a time. On each new connection it begins a round of its owner
 * and says everything; what Espalier had from earlier and was not said again goes with the COMMIT,
 * which waits until the source has all of its routes.
 */

#define FEED_FLIGHTS 8
#define FEED_BATCH_MAX 1000 /* of Espalier's 1024, so that a datagram is one batch */

/* A message whose answer has not come. */
struct feed_message {
	struct prefix prefix;
	bool deletes;
	bool was_installed;
	uint8_t was_protocol;
};

/* A datagram whose answer has not come. */
struct feed_flight {
	uint32_t sequence; /* of its first message */
	uint32_t n;
	struct feed_message messages[FEED_BATCH_MAX];
};

enum feed_stage {
	FEED_DOWN,
	FEED_LINKS,     /* asks for Espalier's interfaces, */
	FEED_ADDRESSES, /* their addresses, */
	FEED_ROUTES,    /* and routes, where the source wants to know them */
	FEED_BEGINS,
	FEED_ROUND,   /* sends all, then waits for the source to be whole */
	FEED_COMMITS, /* the COMMIT is on its way */
	FEED_IN_STEP, /* sends what is new */
	FEED_LOOKS,   /* knows what it came for, and changes nothing */
};

enum feed_purpose { FEED_TO_FEED, FEED_TO_LOOK };

struct feed {
	/* set by the source, before feed_open() */
	enum feed_purpose purpose;
	const char *owner;
	enum protocols protocols;
	/* Tells of a route that Espalier has, on the first connection alone; NULL: not wanted. */
	void (*learn)(struct feed *feed, const struct learned_route *route);
	struct rib rib;
	struct nexthops nexthops; /* of the source */
	/* Does the source have all its routes? See feed_whole(). */
	bool whole;

	struct channel channel;
	struct interfaces interfaces;
	enum feed_stage stage;
	bool learned;      /* learn() has had its turn */
	bool announce;     /* being in step is news */
	bool overtaken;    /* another process owns our routes now */
	uint32_t sequence; /* of the last message sent */
	uint32_t asked;    /* of the request whose end is waited for; 0: none */
	uint32_t first_flight, n_flights;
	struct ration refusals;
	size_t pending_bytes; /* of a datagram that found no room yet */
	_Alignas(4) uint8_t pending[CHANNEL_DATAGRAM_BYTES];
	struct feed_flight flights[FEED_FLIGHTS];
};

/* 0 or -errno. `feed` is large; it must be zeroed, but for what the source sets. */
int feed_open(struct feed *feed, struct loop *loop, const char *socket_path);
void feed_close(struct feed *feed);

/* The source has all its routes in the rib; or it is not sure any more. */
void feed_whole(struct feed *feed);
void feed_unsure(struct feed *feed);
/* The source will number its nexthop objects anew: what they are called so far is forgotten, and
 * the routes that name one have its ways from here on as their own. False: no memory; call it again
 * before the new numbers come. */
bool feed_forget_nexthops(struct feed *feed);
/* Sends what can be sent. Call when the source has changed its rib. */
void feed_send(struct feed *feed);
/* Does what is due. Returns when something will be next. */
uint64_t feed_tend(struct feed *feed, uint64_t now_ns);
/* One line to the operator: how many routes, and what became of them. */
void feed_log(const struct feed *feed, const char *what);
