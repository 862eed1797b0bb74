/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_ring.h>

/*
 * ESP that comes before its SA. Our IKE daemon reserves an SPI and tells it to the peer, who may
 * send under it as soon as he has answered (RFC 7296 2.8): while the answer is on its way, and the
 * daemon computes keys. Workers pass such packets to the control core, which keeps a few for a
 * moment and gives them back when the SA is there: at once, and those in the ring, too, for each
 * packet that comes meanwhile has a higher number, and those that wait must not fall out of the
 * SA's window.
 */

#define EARLY_SPIS 256     /* expected at the same time; of more, packets are dropped as before */
#define EARLY_PKTS 1024    /* in all */
#define EARLY_SPI_PKTS 512 /* of one SPI */
#define EARLY_HOLD_NS UINT64_C(2000000000)
#define EARLY_EXPECT_NS \
	UINT64_C(30000000000) /* how long after it was reserved an SPI is expected: there is place \
				 for few */
/* An SPI stays expected for so long after its SA came: for packets that a worker looked up before
 * that. */
#define EARLY_GRACE_NS UINT64_C(500000000)

struct gateway;

/* Takes over a frame whose SA is there by now, for the worker that early_put() named. */
typedef void (*early_send_fn)(const void *context, struct rte_mbuf *pkt, unsigned worker);

struct early_packet {
	struct rte_mbuf *pkt;
	uint64_t since_ns;
	uint64_t name;
};

struct early {
	struct rte_ring *ring; /* all workers fill it */

	/* control writes, workers read */
	_Atomic uint32_t expected;
	_Atomic uint64_t names[EARLY_SPIS]; /* early_name(); 0: nothing expected */

	/* control only */
	early_send_fn send;
	const void *context; /* of send */
	uint64_t until_ns[EARLY_SPIS];
	unsigned n;
	struct early_packet packets[EARLY_PKTS]; /* in the order in which they came */
};

/* NULL: out of memory. */
struct early *early_create(void);
/* Frees all packets. NULL is fine. */
void early_destroy(struct early *early);

/* An SPI was reserved for an inbound SA. Host order. Control. */
void early_expect(struct early *early, uint32_t spi, uint32_t destination, uint64_t now_ns);

/* Is any expected? Worker. */
static inline bool
early_any(const struct early *early)
{
	return atomic_load_explicit(&early->expected, memory_order_relaxed) != 0;
}

/* What a frame with ESP is for, bare or in UDP: SPI, then destination. Any thread. */
uint64_t early_name(const struct rte_mbuf *pkt);

/* Is that expected? Worker. */
bool early_expects(const struct early *early, uint64_t name);

/* What is to become of a frame with ESP under an SPI that is expected. */
enum early_verdict {
	EARLY_WAITS, /* there is no SA */
	EARLY_GOES,  /* there is one by now */
	EARLY_DROPS, /* it wants its packets in UDP and this is none, or the reverse (RFC 3948) */
};

/* Worker or control. */
enum early_verdict early_judge(const struct gateway *gw, const struct rte_mbuf *pkt);

/* Passes a frame under an SPI that is expected, and that `worker` shall get back. False: too many
 * wait, and the frame stays the caller's. punt_wake() is due afterwards. Worker. */
static inline bool
early_put(struct early *early, struct rte_mbuf *pkt, unsigned worker)
{
	pkt->hash.usr = worker;
	return rte_ring_enqueue(early->ring, pkt) == 0;
}

/* The control core is about to sleep, and punt_may_sleep() lets it. False: it must not. */
static inline bool
early_may_sleep(const struct early *early)
{
	return rte_ring_empty(early->ring);
}

/* Who takes what is given back. Control, before anything is collected. */
void early_set_sender(struct early *early, early_send_fn send, const void *context);

/* Takes over what workers passed; what has its SA by now is given back at once. Control, in each
 * turn. */
void early_collect(struct gateway *gw, uint64_t now_ns);

/* Gives back what waits for an SA that workers find by now, in the order in which it came.
 * Control. */
void early_return(struct gateway *gw, uint32_t spi, uint32_t destination);

/* Drops what waited in vain, and forgets SPIs that need not be expected any more. Control, every
 * 100 ms or so. */
void early_tick(struct gateway *gw, uint64_t now_ns);
