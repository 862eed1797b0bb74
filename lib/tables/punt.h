/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_ring.h>

/*
 * The way of packets from workers to the control core: one ring that all workers fill, and an
 * eventfd that is written only while the control core sleeps, once per burst. What a packet is and
 * where it belongs stands in mbuf->hash.usr.
 */

#define PUNT_RING_PKTS 2048

enum punt_kind {
	PUNT_PORT,     /* a frame for the TAP of port `index`; data begins at the Ethernet header */
	PUNT_TUNNEL,   /* an inner packet for the TUN of tunnel `index`; data begins 14 bytes before
			  the IPv4 header */
	PUNT_NEIGHBOR, /* an IPv4 packet, as above, to whose next hop there is no MAC: a note, it
			  was dropped */
	PUNT_HOLD,     /* an inner packet, as above, that waits for an SA of tunnel `index` */
};

struct punt {
	/* const after start */
	bool kernel; /* there are kernel interfaces: PORT, TUNNEL and NEIGHBOR have a taker */
	int wake;    /* eventfd, for the control core's epoll: edge-triggered, so that nobody need
			read it */
	struct rte_ring *ring;

	/* control raises, whoever wakes it lowers */
	_Atomic bool asleep;
};

/* Control, at start. NULL: out of memory or descriptors, said in the log. */
struct punt *punt_create(void);
/* Frees what is left in the ring. No worker may run. NULL is fine. */
void punt_destroy(struct punt *punt);

/* Writes the eventfd; punt_wake() knows when. */
void punt_signal(const struct punt *punt);

/* Passes a packet; false: the ring is full, and the packet stays the caller's. punt_wake() is due
 * afterwards. Worker. */
static inline bool
punt_put(struct punt *punt, struct rte_mbuf *pkt, enum punt_kind kind, uint16_t index)
{
	pkt->hash.usr = (uint32_t)kind << 16 | index;
	return rte_ring_enqueue(punt->ring, pkt) == 0;
}

static inline enum punt_kind
punt_kind(const struct rte_mbuf *pkt)
{
	return (enum punt_kind)(pkt->hash.usr >> 16);
}

static inline uint16_t
punt_index(const struct rte_mbuf *pkt)
{
	return (uint16_t)pkt->hash.usr;
}

/* After the last packet of a burst. Worker. */
static inline void
punt_wake(struct punt *punt)
{
	/* Pairs with the fence of punt_may_sleep(): either we see the flag, or it sees the packet.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&punt->asleep, memory_order_relaxed) &&
		atomic_exchange_explicit(&punt->asleep, false, memory_order_relaxed))
		punt_signal(punt);
}

/* The control core is about to sleep. False: it must not, packets wait. */
static inline bool
punt_may_sleep(struct punt *punt)
{
	atomic_store_explicit(&punt->asleep, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	return rte_ring_empty(punt->ring);
}

/* It is awake: takes up to n packets, which are its own then. Control. */
static inline unsigned
punt_take(struct punt *punt, struct rte_mbuf *pkt[], unsigned n)
{
	atomic_store_explicit(&punt->asleep, false, memory_order_relaxed);
	return rte_ring_dequeue_burst(punt->ring, (void **)pkt, n, NULL);
}
