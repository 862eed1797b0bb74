/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

/*
 * Peers that moved. The NAT in front of a peer may give its UDP-encapsulated SA another address or
 * port at any time (RFC 3948 appendix A). The worker that owns the inbound SA sees it first, in an
 * authentic packet that is newer than all before it, and leaves a note; the control core tells the
 * listener. The SA stays as it is: moving it is for whoever installed it.
 */

#define MAPPING_NOTES 256
/* How long the same new place is not told again, unless the SA's installer said otherwise. */
#define MAPPING_AGAIN_SECONDS 30

struct gateway;
struct rte_ring;
struct sa;

/* NULL: out of memory. Control, at start; rte_ring_free() ends it. */
struct rte_ring *mapping_notes_create(void);

/* A place as one word, for comparison: address and UDP port in host order. */
static inline uint64_t
mapping_place(uint32_t address, uint16_t port)
{
	return (uint64_t)address << 16 | port;
}

/* The SA's newest packet came from `place` and not from sa->peer. Leaves a note, at most one a
 * second for each SA. The SA's owner worker alone. */
void mapping_note(const struct gateway *gw, struct sa *sa, uint64_t place);

/* Tells the listener of what was noted, once for each place an SA moved to. In each tick. Control
 * only. */
void mapping_tell(struct gateway *gw, uint64_t now_ns);
