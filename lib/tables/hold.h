/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

/*
 * Packets that wait for an SA. A tunnel whose policy asks for one (TUNNEL_IDLE) drops nothing at
 * first: workers pass what is for it to the control core (PUNT_HOLD), which keeps a few, asks for
 * an SA through gateway.listener, and sends them when there is one. Control only.
 */

#define HOLD_PKTS 1024      /* in all: beyond, the tunnel with most makes room for one with less */
#define HOLD_TUNNEL_PKTS 64 /* of one tunnel */
#define HOLD_SECONDS \
	30                 /* of one packet, and of one request for an SA: as the kernel's \
			      xfrm_acq_expires is unless charon raises it */
#define HOLD_ASK_SECONDS 1 /* between two requests of one tunnel */

struct gateway;
struct hold;
struct tunnel;

/* NULL: out of memory. */
struct hold *hold_create(void);
/* Frees all packets. NULL is fine. */
void hold_destroy(struct hold *hold);

/* Takes over a packet that a worker punted: the tunnel is in mbuf->hash.usr, the IPv4 packet 14
 * bytes behind where its data begins, its TTL lowered. Asks for an SA unless somebody has been
 * asked. */
void hold_take(struct gateway *gw, struct rte_mbuf *pkt, uint64_t now_ns);

/* Takes over a packet to be sent into its tunnel as it is. */
typedef void (*hold_send_fn)(const void *context, struct rte_mbuf *pkt, uint16_t tunnel);

/* Nobody has been asked for an SA of that tunnel: its next packet does. */
void hold_ask_again(struct tunnel *tunnel);

/* Sends what can go now, in the order in which it came, and drops what waits in vain. Workers use
 * the SA since it was published: what they took up meanwhile is ahead. Cheap when nothing changed.
 * In each turn of the control core. */
void hold_release(struct gateway *gw, uint64_t now_ns, hold_send_fn send, const void *context);
