/* SPDX-License-Identifier: BSD-3-Clause */
#include "path_mtu.h"

#include <assert.h>
#include <stdbool.h>

#include <rte_malloc.h>
#include <rte_ring_elem.h>

#include "clock.h"
#include "gateway.h"
#include "log.h"
#include "neighbor.h"
#include "note_ring.h"
#include "sa.h"
#include "tunnel.h"

static_assert(sizeof(struct path_mtu_note) % sizeof(uint32_t) == 0, "whole words");

struct path_mtu_notes {
	struct rte_ring *ring;
	unsigned known;        /* tunnels that have learned something */
	uint64_t next_look_ns; /* whether it is old */
};

struct path_mtu_notes *
path_mtu_notes_create(void)
{
	struct path_mtu_notes *notes = rte_zmalloc("path_mtu_notes", sizeof(*notes), 0);

	if (notes == NULL)
		return NULL;
	notes->ring = note_ring_create("path_mtus", sizeof(struct path_mtu_note), PATH_MTU_NOTES);
	if (notes->ring != NULL)
		return notes;
	rte_free(notes);
	return NULL;
}

void
path_mtu_notes_destroy(struct path_mtu_notes *notes)
{
	if (notes == NULL)
		return;
	rte_ring_free(notes->ring);
	rte_free(notes);
}

void
path_mtu_note(const struct gateway *gw, struct path_mtu_note note)
{
	rte_ring_enqueue_elem(gw->path_mtus->ring, &note, sizeof(note));
}

uint16_t
path_mtu_of(const struct tunnel *tunnel, uint16_t port_mtu)
{
	uint16_t mtu = tunnel->path.mtu;

	return mtu != 0 && mtu < port_mtu ? mtu : port_mtu;
}

void
path_mtu_forget(struct gateway *gw, struct tunnel *tunnel)
{
	if (tunnel->path.mtu != 0)
		gw->path_mtus->known--;
	tunnel->path = (struct path_mtu) { 0 };
}

/* The tunnel that sent the quoted packet, if that is one of the latest of its SA and went where it
 * sends now; else NULL. */
static struct tunnel *
sender_of(const struct gateway *gw, const struct path_mtu_note *note)
{
	const struct sa *sa = sa_find(gw, SA_OUT, note->spi, note->destination);

	if (sa == NULL)
		return NULL;
	struct tunnel *tunnel = &gw->tunnels[sa->tunnel];
	if (tunnel->local != note->source || tunnel->via == NULL ||
		(tunnel->towards != note->destination && !tunnel->branching))
		return NULL;
	uint64_t sent = atomic_load_explicit(&sa->sequence, memory_order_relaxed);
	/* With ESN the quotation holds the low half: what is ahead of us is far behind. */
	uint32_t since = (uint32_t)sent - note->sequence;
	return note->sequence != 0 && since <= sent && since < PATH_MTU_RECENT ? tunnel : NULL;
}

static void
believe(struct gateway *gw, const struct path_mtu_note *note, uint64_t now_ns)
{
	struct tunnel *tunnel = sender_of(gw, note);

	if (tunnel == NULL)
		return;
	uint32_t mtu = note->mtu > PATH_MTU_FLOOR ? note->mtu : PATH_MTU_FLOOR;
	uint16_t port_mtu = gw->ports[tunnel->via->port].mtu;
	uint16_t current = path_mtu_of(tunnel, port_mtu);
	if (mtu >= port_mtu || mtu > current)
		return;
	if (tunnel->path.mtu == 0)
		gw->path_mtus->known++;
	tunnel->path = (struct path_mtu) {
		.mtu = (uint16_t)mtu,
		.until_ns = now_ns + PATH_MTU_SECONDS * SECOND_NS,
	};
	if (mtu == current)
		return;
	tunnel_refresh(gw, tunnel);
	log_info("tunnel %s: path MTU %u, so the largest packet inside has %u bytes", tunnel->name,
		mtu, tunnel_current_mtu(gw, tunnel));
}

static void
forget_old(struct gateway *gw, uint64_t now_ns)
{
	struct path_mtu_notes *notes = gw->path_mtus;

	if (notes->known == 0 || now_ns < notes->next_look_ns)
		return;
	notes->next_look_ns = now_ns + SECOND_NS;
	for (unsigned i = 0; i < gw->n_tunnels; i++) {
		struct tunnel *tunnel = &gw->tunnels[i];

		if (tunnel->path.mtu == 0 || now_ns < tunnel->path.until_ns)
			continue;
		path_mtu_forget(gw, tunnel);
		tunnel_refresh(gw, tunnel);
		log_info("tunnel %s: its path is tried again with %u bytes inside", tunnel->name,
			tunnel_current_mtu(gw, tunnel));
	}
}

void
path_mtu_tick(struct gateway *gw, uint64_t now_ns)
{
	struct path_mtu_note note;

	/* No more than the ring holds: workers may go on filling it. */
	for (unsigned i = 0; i < PATH_MTU_NOTES; i++) {
		if (rte_ring_dequeue_elem(gw->path_mtus->ring, &note, sizeof(note)) != 0)
			break;
		believe(gw, &note, now_ns);
	}
	forget_old(gw, now_ns);
}
