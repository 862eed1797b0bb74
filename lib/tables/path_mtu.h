/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

/*
 * Path MTUs of tunnels (RFC 4301 8.2, RFC 1191). A router between the ends that cannot carry an ESP
 * packet says so by ICMP, and quotes it. The worker that gets such an error leaves a note; the
 * control core believes it if the packet is one of the latest that we sent, and lowers what fits
 * into the tunnel. Whoever sends more through it is then told by us, or sees his packets cut.
 *
 * Anybody can send ICMP. So the quotation must name an SA that is alive and a sequence number that
 * it used lately, what is believed has a floor, is forgotten after a while, and is never a reason
 * to send larger packets. A tunnel has one path; where its SAs have several ends, the narrowest way
 * counts.
 */

#define PATH_MTU_FLOOR 576   /* RFC 791: every host takes so much, nearly every link */
#define PATH_MTU_SECONDS 600 /* RFC 1191 6.3: then the path is tried again */
#define PATH_MTU_RECENT \
	(1u << 20)          /* packets that may have been sent since: a second at full rate */
#define PATH_MTU_NOTES 1024 /* between two ticks */

struct gateway;
struct path_mtu_notes;
struct tunnel;

/* What an ICMP error says: host order. Whole words, as an element of a ring. */
struct path_mtu_note {
	uint32_t source, destination; /* of the quoted packet */
	uint32_t spi, sequence;
	uint32_t mtu; /* of the link that it does not fit */
};

/* What a tunnel has learned of its path. Control only. */
struct path_mtu {
	uint16_t mtu; /* of an outer packet; 0: nothing is known */
	uint64_t until_ns;
};

/* NULL: out of memory. Control, at start. */
struct path_mtu_notes *path_mtu_notes_create(void);
/* NULL is fine. */
void path_mtu_notes_destroy(struct path_mtu_notes *notes);

/* Leaves a note, if there is room. Any worker. */
void path_mtu_note(const struct gateway *gw, struct path_mtu_note note);

/* Believes what deserves it, and forgets what is old. In each tick. Control only. */
void path_mtu_tick(struct gateway *gw, uint64_t now_ns);

/* What was learned is about another way, for the tunnel's destination changed. Control only. */
void path_mtu_forget(struct gateway *gw, struct tunnel *tunnel);

/* The largest outer packet of a tunnel over a port of that MTU. Control only. */
uint16_t path_mtu_of(const struct tunnel *tunnel, uint16_t port_mtu);
