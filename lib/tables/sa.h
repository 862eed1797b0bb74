/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "compiler.h"
#include "counters.h"
#include "crypto.h"
#include "replay.h"

/*
 * Security associations. An SA belongs to one tunnel and one direction. Inbound SAs are found by
 * (SPI, destination address); outbound ones through their tunnel (tunnel.h). Keys are zeroized when
 * the SA retires.
 */

enum sa_direction { SA_IN, SA_OUT };

/* Limits, hard or soft; 0: none. */
struct sa_lifetime {
	uint64_t packets;
	uint64_t bytes;       /* inner IP bytes */
	uint64_t seconds;     /* since it was added */
	uint64_t use_seconds; /* since its first packet */
};

/* What an SA that is moved here has behind it; all zeroes: it is new. */
struct sa_past {
	uint64_t packets;
	uint64_t bytes;
	uint64_t added_at; /* wall clock, seconds; 0: now */
	uint64_t used_at;  /* 0: not yet */
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
	uint64_t sequence;          /* outbound: last number used before; 0: a new SA */
	struct replay_state replay; /* inbound */
	uint16_t encap_sport;       /* UDP encapsulation (RFC 3948); 0: none */
	uint16_t encap_dport;
	uint32_t mapping_seconds;    /* see sa_record.mapping_seconds */
	uint32_t reqid;              /* ties policies to SAs; 0: none */
	struct sa_lifetime lifetime; /* hard: it passes nothing more */
	struct sa_lifetime soft;     /* the listener is told, once */
	struct sa_past past;
	void *origin; /* the installer's own; sa_record.origin */
};

#define SA_OWNER_NONE UINT32_MAX
#define SA_LINES 2
#define SA_ENCAPS 2 /* the one that workers read, and the one that takes its place */

struct sa;
struct encap;

/* What of an SA a packet does not need; for the rest see struct sa. */
struct sa_record {
	/* control only */
	uint32_t source;
	uint32_t slot;           /* place in the table, for cursors */
	LIST_ENTRY(sa) link;     /* among those of its tunnel and direction */
	uint64_t installed_ns;   /* CLOCK_MONOTONIC */
	uint64_t order;          /* counts up with each installation: "newest" */
	uint64_t first_sequence; /* outbound: the number before the first; sent = taken - first */
	uint16_t encap_sport, encap_dport; /* UDP encapsulation */
	bool soft_expired;                 /* the listener was told */
	bool replay_apart;                 /* its window is no part of its own allocation */
	bool encap_used[SA_ENCAPS];        /* of `encaps`: workers may read it */
	struct encap *encaps;              /* [SA_ENCAPS]; outbound, see encap_alloc() */
	void *origin;                      /* the installer's own */
	struct sa_lifetime lifetime, soft;
	struct sa_past past;
	uint64_t past_age_ns, past_use_ns; /* how old it was, how long in use, when it came */
	struct traffic kept; /* of what passed, what its tunnel has on record: tunnel_keep() */
	uint64_t added_at, used_at; /* wall clock, seconds; 0: not used yet */
	uint64_t used_ns;           /* CLOCK_MONOTONIC, first use here */
	/* UDP-encapsulated, see mapping.h */
	uint32_t mapping_seconds; /* for so long it is not told again; 0: as usual */
	uint64_t told_place;      /* where the listener was told that the peer is, */
	uint64_t told_ns;         /* and when: CLOCK_MONOTONIC */

	/* inbound: the owner worker alone, seldom */
	CACHE_ALIGNED uint64_t noted_tsc; /* when it was last noted that the peer moved; 0: never */
	uint64_t duplicates, lates, forgeries; /* packets it refused, see sa_refused() */
};

/*
 * What a packet needs of an SA: two cache lines. In the same allocation lie behind them the key
 * and, inbound, the first replay window; in front of them, outbound, room for encaps. With
 * thousands of SAs each line comes from far away; those of one SA, and the SAs themselves, lie
 * close together, because then some of them come along with others. Outbound a worker touches the
 * second line, the key and the encap, inbound everything.
 */
struct sa {
	/* const after publish */
	CACHE_ALIGNED const struct crypto_key *key;
	struct sa_record *record;
	uint32_t spi;         /* host order */
	uint32_t destination; /* host order */
	uint32_t reqid;       /* ties policies to SAs; 0: none */
	uint16_t tunnel;
	uint8_t direction; /* enum sa_direction */
	bool esn;
	bool udp;               /* UDP-encapsulated */
	uint8_t payload_at;     /* of its ESP packets: bytes of ESP header and IV, */
	uint8_t icv_bytes;      /* of the ICV, */
	uint8_t around_bytes;   /* of both together, */
	uint8_t block_mask;     /* and of a cipher block, which is a power of two, less one */
	_Atomic uint32_t owner; /* inbound: the worker that alone touches window and counters;
				   claimed once by compare-and-swap */
	/* control writes, workers read */
	_Atomic uint64_t limit_packets; /* inbound; UINT64_MAX: none. Limits are of what passes
					   here, lifetime less past */
	_Atomic uint64_t peer;          /* inbound, UDP-encapsulated: where its peer is, a
					   mapping_place() */

	/* outbound: any worker, atomically, one add per SA and burst; nobody adds past the limit,
	 * so the counter overshoots by some bursts at most and never wraps */
	CACHE_ALIGNED _Atomic uint64_t sequence; /* last number taken */
	_Atomic uint64_t bytes_out;
	/* inbound: the owner worker alone */
	uint64_t packets_in;
	uint64_t bytes_in;
	struct replay *replay; /* published: control may put another in its place */
	/* control writes, workers read */
	_Atomic uint64_t limit_sequence; /* outbound: the last number it may send */
	_Atomic uint64_t limit_bytes;    /* either direction; UINT64_MAX: none */
	_Atomic uint8_t limit_reason;    /* outbound, past limit_sequence: DROP_sequence_exhausted,
					    or DROP_sa_expired where the packet lifetime comes
					    first */
	_Atomic bool expired;            /* a lifetime ran out; workers pass nothing more */
};

LIST_HEAD(sa_list, sa);

static_assert(offsetof(struct sa, sequence) == CACHE_LINE_BYTES &&
		sizeof(struct sa) == SA_LINES * CACHE_LINE_BYTES,
	"what a packet touches is two cache lines");

/* The window as it stands now. Worker, within its online time; control too. */
static inline struct replay *
sa_replay(const struct sa *sa)
{
	return __atomic_load_n(&sa->replay, __ATOMIC_ACQUIRE);
}

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
 * The SA that a tunnel sends on: of its outbound ones that have not run out, the one that its
 * policies want most (policy.h), the newest of equal ones. NULL when there is none; `drop` then
 * says what becomes of packets: DROP_no_sa, or why the newest ran out. Control only.
 */
struct sa *sa_select_out(const struct gateway *gw, uint16_t tunnel, enum drop_reason *drop);
/* The same for one of its policies alone. */
struct policy;
struct sa *sa_select_for(const struct gateway *gw, uint16_t tunnel, const struct policy *policy,
	enum drop_reason *drop);
/*
 * Looks for lifetimes that ran out: hard, marks the SA, tells its tunnel and the listener; soft,
 * tells the listener. Looks only at SAs that could have come to a limit since the last look.
 * Control, about every 100 ms.
 */
void sa_expire(struct gateway *gw, uint64_t now_ns);

/* Counts a packet that claimed to be the SA's and was refused: DROP_replay_duplicate,
 * DROP_replay_late or DROP_bad_icv. Its owner worker. */
void sa_refused(struct sa *sa, enum drop_reason reason);

/* Last number sent, or highest accepted. Any thread. */
uint64_t sa_last_sequence(const struct sa *sa);
/* Inner IP packets and bytes that passed under it, either direction, since it was installed.
 * Inbound they are authenticated and within the selectors. Any thread. */
void sa_passed(const struct sa *sa, struct traffic *traffic);
/* The same with what it had behind it when it came. Any thread. */
void sa_traffic(const struct sa *sa, struct traffic *traffic);

/*
 * Changes of an SA that is in use. They take effect at once; an SA that had run out lives again
 * where the new limits leave it something. Control only.
 */
void sa_set_lifetimes(struct gateway *gw, struct sa *sa, const struct sa_lifetime *hard,
	const struct sa_lifetime *soft);
/* Its packets, bytes and times are from now on these, and count on from here. */
void sa_set_past(struct gateway *gw, struct sa *sa, const struct sa_past *past);
/* UDP ports, of an SA that is encapsulated in UDP. */
void sa_set_ports(struct gateway *gw, struct sa *sa, uint16_t sport, uint16_t dport);
/* Outbound: the next number is above `sequence`. Never lowers. */
void sa_raise_sequence(const struct gateway *gw, struct sa *sa, uint64_t sequence);
/* Inbound: its window is from now on this one; what its worker sees meanwhile is forgotten. 0,
 * -EINVAL or -ENOMEM with nothing changed. */
int sa_set_replay(struct gateway *gw, struct sa *sa, const struct replay_state *state);

/*
 * The inbound SAs of n (SPI, destination) pairs, both in host order, NULL where there is none. n <=
 * BURST_PKTS. Worker, online; lock-free.
 */
void sa_lookup(const struct sa_table *table, const uint32_t spi[], const uint32_t destination[],
	struct sa *sa[], unsigned n);
