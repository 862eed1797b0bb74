/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "crypto.h"
#include "replay.h"
#include "selector.h"

/*
 * Security associations. An SA belongs to one tunnel and one direction. Inbound SAs are found by
 * (SPI, destination address); outbound ones through their tunnel (tunnel.h). Keys are zeroized when
 * the SA retires.
 */

enum sa_direction { SA_IN, SA_OUT };

/* Hard limits; 0: none. */
struct sa_lifetime {
	uint64_t packets;
	uint64_t bytes;   /* inner IP bytes */
	uint64_t seconds; /* since installation */
};

/* What whoever installs an SA knows of it. Keys stay the caller's, who zeroizes them. */
struct sa_spec {
	enum sa_direction direction;
	uint32_t spi;
	uint32_t source; /* outer addresses, host order */
	uint32_t destination;
	uint16_t tunnel; /* index */
	struct suite suite;
	const uint8_t *encryption_key; /* key, then salt */
	const uint8_t *authentication_key;
	bool esn;
	uint32_t replay_window; /* inbound: 0 or REPLAY_WINDOW_MIN .. REPLAY_WINDOW_MAX */
	uint64_t sequence;      /* last number used (out) or seen (in) before; 0: a new SA */
	uint16_t encap_sport;   /* UDP encapsulation (RFC 3948); 0: none */
	uint16_t encap_dport;
	struct sa_lifetime lifetime;
};

#define SA_OWNER_NONE UINT32_MAX

struct sa {
	/* const after publish */
	CACHE_ALIGNED const struct crypto_key *key;
	const struct selector_set *selectors; /* the tunnel's; NULL: all pass */
	uint32_t spi;                         /* host order */
	uint32_t destination;                 /* host order */
	uint16_t tunnel;
	uint8_t direction; /* enum sa_direction */
	bool esn;
	bool udp; /* UDP-encapsulated */
	uint16_t encap_sport, encap_dport;
	uint8_t limit_reason;    /* outbound, past limit_sequence: DROP_sequence_exhausted, or
				    DROP_sa_expired where the packet lifetime comes first */
	uint64_t first_sequence; /* outbound: the number before the first; sent = taken - first */
	uint64_t limit_sequence; /* outbound: the last number it may send */
	uint64_t limit_packets;  /* inbound; UINT64_MAX: none */
	uint64_t limit_bytes;    /* either direction; UINT64_MAX: none */

	/* any worker, atomically. Outbound, one add per SA and burst; nobody adds past the limit,
	 * so the counter overshoots by some bursts at most and never wraps */
	CACHE_ALIGNED _Atomic uint64_t sequence; /* last number taken */
	_Atomic uint64_t bytes_out;
	_Atomic uint32_t owner; /* inbound: the worker that alone touches window and counters;
				   claimed once by compare-and-swap */
	_Atomic bool expired;   /* control: a lifetime ran out; workers pass nothing more */

	/* inbound: the owner worker alone */
	CACHE_ALIGNED uint64_t packets_in;
	uint64_t bytes_in;
	struct replay *replay; /* inbound; same allocation */

	/* control only */
	CACHE_ALIGNED uint32_t source;
	uint32_t slot;         /* place in the table, for cursors */
	uint64_t installed_ns; /* CLOCK_MONOTONIC */
	uint64_t order;        /* counts up with each installation: "newest" */
	struct sa_lifetime lifetime;
};

struct gateway;
struct sa_table;

struct sa_table *sa_table_create(void);
void sa_table_destroy(struct gateway *gw);

/*
 * Installs an SA and publishes it: an inbound one can be found at once, an outbound one becomes its
 * tunnel's newest. All or nothing. `crypto` expands the keys and is the control core's own. 0,
 * -EEXIST (same SPI, destination, direction), -EINVAL, -ENOMEM. Control only.
 */
int sa_add(struct gateway *gw, struct crypto *crypto, const struct sa_spec *spec);
/* Takes it away from readers; after publish_flush() its keys are zeroized and its memory freed. 0
 * or -ESRCH. Control only. */
int sa_delete(struct gateway *gw, enum sa_direction direction, uint32_t spi, uint32_t destination);

/* Control only; valid until deleted. */
struct sa *
sa_find(const struct gateway *gw, enum sa_direction direction, uint32_t spi, uint32_t destination);
/* Walks all SAs by slot; NULL at the end. Control only. */
struct sa *sa_next(const struct gateway *gw, uint32_t *cursor);
/*
 * The SA that a tunnel sends on: its newest outbound one that has not run out. NULL when there is
 * none; `drop` then says what becomes of packets: DROP_no_sa, or why the newest ran out. Control
 * only.
 */
struct sa *sa_select_out(const struct gateway *gw, uint16_t tunnel, enum drop_reason *drop);
/* Seconds-, and for inbound SAs packet- and byte-lifetimes: marks what ran out and tells the
 * tunnels. Control, about every 100 ms. */
void sa_expire(struct gateway *gw, uint64_t now_ns);

/* Packets and bytes so far, either direction. Any thread. */
struct traffic;
void sa_traffic(const struct sa *sa, struct traffic *traffic);

/*
 * The inbound SAs of n (SPI, destination) pairs, both in host order, NULL where there is none. n <=
 * BURST_PKTS. Worker, online; lock-free.
 */
void sa_lookup(const struct sa_table *table, const uint32_t spi[], const uint32_t destination[],
	struct sa *sa[], unsigned n);
