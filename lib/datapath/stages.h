/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "worker.h"

/*
 * The stages, in the order in which pipeline.c calls them. Worker only, within its online time.
 * Each works on a whole burst that the worker holds, keeps survivors in front and hands the rest to
 * worker->victims.
 */

/* Takes up to BURST_PKTS frames into worker->ip, which is empty, from a queue, or that other
 * workers handed over; says where they came in. Returns their number. */
unsigned rx_queue_take(struct worker *worker, const struct rx_queue *queue);
unsigned rx_ring_take(struct worker *worker);

/*
 * Checks the IPv4 header of each frame of worker->ip (RFC 1812 5.2.2) and fills the other columns.
 * Returns whether any could be ESP for us. Packets of a port with too few queues go to the worker
 * of their flow.
 */
bool parse(struct worker *worker);

/*
 * Moves what one of our SAs expects from worker->ip to worker->esp, and drops what has no shape for
 * it or what its replay window knows already (RFC 4303 3.4.3). Of the SA it changes nothing but who
 * owns it, and counts what it refused. The rest stays what it is: traffic.
 */
void esp_claim(struct worker *worker);

/*
 * RFC 4301 5.2: drops what came in the clear by a port that has a tunnel's outer address, but is
 * from behind a tunnel by the route to its source, or from ourselves. Worker->ip holds nothing
 * decapsulated yet.
 */
void refuse_clear(struct worker *worker);

/* RFC 4303 3.4.4: drops what is not authentic, and moves the windows for what is. */
void esp_verify(struct worker *worker);
/* Decrypts in place what is proven. */
void esp_decrypt(struct worker *worker);
/* Unwraps, checks the inner packet against the selectors, bills it to the SA, and appends it to
 * worker->ip. */
void esp_decap(struct worker *worker);

/* Longest prefix match for all of worker->ip. */
void lookup(struct worker *worker);
/*
 * Sends each packet of worker->ip its way: ECMP, TTL and MTU, then to worker->tunnel or a port's tx
 * buffer. Leaves worker->ip empty.
 */
void forward(struct worker *worker);

/*
 * RFC 4301 5.1: which packets of worker->tunnel may enter their tunnel: usable SA, selectors, size.
 * Packets too large for it that may be fragmented move to worker->oversize; those of a tunnel that
 * waits for its SA go to the control core.
 */
void esp_admit(struct worker *worker);
/* RFC 4303 3.3: sequence numbers, headers, padding and trailer for worker->tunnel. */
void esp_encap(struct worker *worker);
/* Encrypts and authenticates in place, then queues the packets to their ports. Leaves the burst
 * empty. */
void esp_seal(struct worker *worker);
/* Fills worker->tunnel with pieces of worker->oversize packets. Returns their number: 0 when all
 * are done. */
unsigned esp_fragment(struct worker *worker);

/* Of the victims, reassemble() first takes what is not whole: reassembly.h. */
/* Passes to the control core those victims that came before their SA: early.h. */
void esp_early(struct worker *worker);
/* Notes what routers say of our own ESP packets, among the victims: path_mtu.h. They stay victims.
 */
void heed_icmp(struct worker *worker);
/* Passes to the control core those victims that are for the gateway itself, within the limits of
 * their class, and notes of neighbors to be found. */
void punt(struct worker *worker);

/* Makes ICMP errors of those victims that deserve one and puts them into worker->ip, to be looked
 * up and forwarded. */
void icmp_errors(struct worker *worker);
/* The last of them is drop_victims(), which worker.h needs for itself. */

/* Takes what the kernel sends through tunnels, and what waited for an SA, into worker->tunnel;
 * returns its number. */
unsigned inject(struct worker *worker);

/* Queues up to BURST_PKTS finished frames to a port. */
void tx_put_all(struct worker *worker, unsigned port, struct rte_mbuf *const pkt[], unsigned n);
/* Queues one. */
static inline void
tx_put(struct worker *worker, unsigned port, struct rte_mbuf *pkt)
{
	struct tx_buffer *buffer = &worker->tx[port];

	if (likely(buffer->n < RTE_DIM(buffer->pkt)))
		buffer->pkt[buffer->n++] = pkt;
	else
		tx_put_all(worker, port, &pkt, 1);
}
/* Sends what is queued to each port for which at least `fewest` packets (1 or more) wait. Returns
 * their number. */
unsigned tx_flush(struct worker *worker, unsigned fewest);
/* Sends what other workers gave us for queues we own. Returns its number. */
unsigned tx_ring_pass(struct worker *worker);

/*
 * Cuts a packet without DF into pieces of at most `mtu` bytes (RFC 791 3.2), each with 14 bytes of
 * room for Ethernet in front. The packet stays the caller's. Returns the number of pieces, or 0
 * when buffers ran out or it would take more than FRAGMENTS_MAX.
 */
#define FRAGMENTS_MAX 16
unsigned
fragment(struct worker *worker, struct rte_mbuf *pkt, uint16_t mtu, struct rte_mbuf *pieces[]);
