/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "drops.h"
#include "path_mtu.h"
#include "sizes.h"
#include "prefix.h"
#include "sa.h"
#include "selector.h"

/*
 * Tunnels: route-based, named by XFRM if_id. A tunnel has any number of SAs, so that rekeying is
 * make-before-break, and sends on the one that its policies name, else on the newest usable one.
 *
 * All that a worker needs to send through it is one object, `struct encap`: the headers ready to be
 * copied, made anew and swapped whole whenever the SA or the way to the remote end changes.
 */

#define ENCAP_HEADER_BYTES \
	64 /* Ethernet 14 + IPv4 20 + UDP 8 + ESP 8 = 50, right-aligned, so that one store ends \
	      where the IV begins */
#define ENCAP_LINES 2

/* Places in the header, counted back from its end. */
#define ENCAP_ESP_SEQUENCE 4
#define ENCAP_ESP 8
#define ENCAP_UDP 16 /* with UDP encapsulation */

struct branch_set;

struct encap {
	/* const after publish */
	CACHE_ALIGNED uint8_t header[ENCAP_HEADER_BYTES]; /* lengths, identification, TOS, DF and
							     sequence number zero */
	struct sa *sa;                                    /* NULL with `drop` */
	const struct crypto_key *key;
	const struct selector_set *selectors; /* out; NULL: all pass */
	const struct branch_set *branches;    /* with `drop`: packets take one of these, and are
						 dropped where none fits; NULL: see branch.h */
	uint16_t header_bytes; /* used ones at the end of `header`: 42, or 50 with UDP */
	uint16_t ip_offset;    /* of the outer IPv4 header within header[] */
	uint16_t ip_sum; /* one's complement sum of that header as it stands, folded, not inverted,
			    of native 16-bit loads: a worker adds total length, identification and
			    fragment field as it stores them (wire order) and TOS << 8, folds, and
			    stores the complement */
	uint16_t mtu;    /* largest inner packet, bytes */
	uint16_t
		around_bytes; /* of a frame: what is neither inner packet nor padding and trailer */
	uint8_t iv_bytes, icv_bytes, block_bytes;
	uint8_t esp_align_mask; /* address bits that are zero where an ESP header lies well */
	uint8_t port;           /* to send on: index */
	uint8_t drop; /* enum drop_reason: why the tunnel cannot send now; DROP_NONE: it can */
	bool udp;
	bool hold; /* with `drop`: what the selectors let pass shall wait for an SA, see hold.h */
};

static_assert(
	sizeof(struct encap) == ENCAP_LINES * CACHE_LINE_BYTES, "an encap is two cache lines");

struct neighbor;
struct policies;

/*
 * A tunnel that liveness took down is out of all groups, but sends what is routed to it alone (or
 * when a whole group is down): else two ends that gave up on each other would never hear again.
 * One that the operator holds down sends nothing.
 */
enum tunnel_state {
	TUNNEL_UP,          /* it has a usable outbound SA, and nothing says otherwise */
	TUNNEL_IDLE,        /* no SA, but a policy that would ask for one */
	TUNNEL_UNREACHABLE, /* no route to its peer, no neighbor on that, or no link */
	TUNNEL_NO_SA,
	TUNNEL_DOWN, /* by liveness or by the operator */
};

/* What passed through a tunnel: inner IP packets and bytes. */
struct tunnel_traffic {
	struct traffic tx, rx;
};

struct tunnel {
	/* const after start */
	char name[NAME_BYTES];
	uint16_t index;
	uint32_t if_id;
	uint32_t local;  /* outer addresses, host order */
	uint32_t remote; /* 0: any, taken from the SA */
	uint32_t liveness_ms;
	struct selector_set *selectors; /* as long as it has no policies; NULL: all */
	struct prefix *addresses;       /* inside addresses of our end */
	unsigned n_addresses;
	char interface[INTERFACE_BYTES]; /* its TUN's name in the kernel, */
	uint32_t ifindex;                /* and index; 0: there is none */

	/* control writes, workers read */
	_Atomic bool hold_full; /* as many packets wait for an SA as may */

	/* control only */
	enum tunnel_state state;
	uint64_t since_ns;          /* it is in that: CLOCK_MONOTONIC */
	bool held_down;             /* by the operator */
	bool dead;                  /* by liveness */
	struct sa_list outbound;    /* its outbound SAs, newest first; sa.c keeps it, */
	struct sa_list inbound;     /* and this one */
	struct tunnel_traffic gone; /* what passed under SAs that are in neither any more */
	struct sa *out;             /* the one it sends on; NULL: none */
	uint32_t towards;           /* outer destination: the SA's, else `remote` */
	const struct neighbor *via; /* whose MAC stands in its encap; NULL: no way out */
	struct path_mtu path;       /* what routers on the way say */
	uint64_t alive_ns;          /* liveness: when it was last known to be well, */
	uint64_t look_ns;           /* and when to look next */
	uint64_t seen_signs;        /* liveness: signs of life at the last look, */
	uint64_t seen_tx;           /* and packets sent */
	struct policies *policies;  /* policy.h; NULL: none */
	bool branching;             /* several SAs at work; branch.h */
	struct tunnel *next_branching;
	unsigned held;     /* packets that wait for an SA, see hold.h */
	bool asked;        /* for an SA, and neither got one nor gave up yet, */
	uint64_t asked_ns; /* the last time then */
};

struct config;
struct gateway;

/* Does it take its share of a group? Control only. */
static inline bool
tunnel_carries(const struct tunnel *tunnel)
{
	return tunnel->state == TUNNEL_UP || tunnel->state == TUNNEL_IDLE;
}

/* Makes the gateway's tunnels from the configuration, each without SA and sending nothing. 0 or
 * -ENOMEM. Control, at start. */
int tunnel_create_all(struct gateway *gw, const struct config *config);
/* Frees them. No worker may run. */
void tunnel_destroy_all(struct gateway *gw);

/* Has its interface a carrier? The way to the peer is no business of the interface, as with the
 * kernel's tunnels: daemons that speak through it have timers for that. Control only. */
static inline bool
tunnel_has_carrier(const struct tunnel *tunnel)
{
	return tunnel_carries(tunnel) || tunnel->state == TUNNEL_UNREACHABLE;
}

/* "up", "idle", "unreachable", "no-sa", "down". */
const char *tunnel_state_name(enum tunnel_state state);
/* Why it is in that state, in words; false: it is up. Control only. */
#define TUNNEL_WHY_BYTES 128
bool tunnel_why(const struct gateway *gw, const struct tunnel *tunnel, char why[TUNNEL_WHY_BYTES]);

/*
 * Makes encap and state afresh from SAs, routes and neighbors, publishes what changed, and tells
 * the groups when the tunnel came or went. Cheap when nothing changed. Control only.
 */
void tunnel_refresh(struct gateway *gw, struct tunnel *tunnel);
/* Liveness starts afresh: what it knew was of SAs that are gone. Without one, a tunnel is not dead
 * but has nothing to send on, and a policy may ask for another. Control only. */
void tunnel_trust(struct tunnel *tunnel);
/* The same and a refresh, when an outbound SA came: somebody has just agreed on it. */
void tunnel_revive(struct gateway *gw, struct tunnel *tunnel);
/* Refreshes all, e.g. when a port's MAC, MTU or link changed. */
void tunnel_refresh_all(struct gateway *gw);
/* Refreshes those whose remote end lies in a prefix of which the route changed; route_apply()
 * does it. */
void tunnel_refresh_towards(struct gateway *gw, struct prefix prefix);
/* Refreshes those that send through a neighbor, and tells the listener of it; whoever calls
 * neighbor_set(), or neighbor_learn() with success, does it next. */
void tunnel_refresh_via(struct gateway *gw, const struct neighbor *neighbor);

/* Looks whether tunnels with liveness_ms are alive: one that sent, and saw no authenticated packet
 * for that long, is down. Control, every 10 ms or so. */
void tunnel_check_liveness(struct gateway *gw, uint64_t now_ns);

/* What passed since the start, under all SAs that it had. Workers count by SA alone. Control only.
 */
void tunnel_traffic(const struct tunnel *tunnel, struct tunnel_traffic *traffic);
/* Puts on record what passed under one of its SAs since the last time: when that leaves the
 * tunnel's lists, and when the last worker has let go of it. Control only. */
void tunnel_keep(struct tunnel *tunnel, struct sa *sa);

/* NULL when there is none of that name. Control only. */
struct tunnel *tunnel_find(const struct gateway *gw, const char *name);
/* Current inner MTU as published; 0 when it has none: no SA, or no way to the remote end. Control
 * only. */
uint16_t tunnel_current_mtu(const struct gateway *gw, const struct tunnel *tunnel);
