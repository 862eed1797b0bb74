/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include <rte_mbuf.h>

#include "token_bucket.h"

/*
 * What packets for the gateway itself are worth. Each class has an allowance of its own, so that a
 * flood of one starves no other, and of the ring to the control core the lower classes may fill
 * only a part. What came out of a tunnel is authentic: it never shares an allowance with what
 * anybody on the wire can send.
 */

enum punt_class {
	PUNT_CLASS_IKE,
	PUNT_CLASS_IKE_STRANGER, /* of nobody that peers.h knows */
	PUNT_CLASS_ROUTING,      /* BGP, BFD */
	PUNT_CLASS_RESOLUTION,   /* ARP, neighbor discovery */
	PUNT_CLASS_OTHER,
	PUNT_CLASS_NOTE,  /* the control core is asked for a neighbor */
	PUNT_CLASS_HOLD,  /* waits for an SA */
	PUNT_CLASS_EARLY, /* came before its SA */
	PUNT_CLASSES,
};

/* By punt_class, and 1 where it came out of a tunnel. */
struct punt_tokens {
	struct token_bucket bucket[2][PUNT_CLASSES];
};

/* Full buckets for a clock of that rate. */
void punt_class_init(struct punt_tokens *tokens, uint64_t tsc_hz);

/* Packets of that class may go while fewer than so many wait in the ring. */
unsigned punt_class_room(enum punt_class class);

/* The class of a frame that is not IPv4, has an Ethernet header and is of one piece. */
enum punt_class punt_class_of_frame(const struct rte_mbuf *pkt);
/* The class of an IPv4 packet, checked, 14 bytes behind where the data begins. */
enum punt_class punt_class_of_packet(const struct rte_mbuf *pkt);
