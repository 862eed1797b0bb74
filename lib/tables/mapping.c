/* SPDX-License-Identifier: BSD-3-Clause */
#include "mapping.h"

#include <assert.h>

#include <rte_cycles.h>
#include <rte_ring_elem.h>

#include "clock.h"
#include "gateway.h"
#include "listener.h"
#include "log.h"
#include "note_ring.h"
#include "sa.h"
#include "tunnel.h"

/* The SA by its name: it may be gone when the note is read. */
struct note {
	uint32_t spi;
	uint32_t destination;
	uint64_t place;
};

static_assert(sizeof(struct note) == 16, "an element of a ring is whole words");

struct rte_ring *
mapping_notes_create(void)
{
	return note_ring_create("mappings", sizeof(struct note), MAPPING_NOTES);
}

void
mapping_note(const struct gateway *gw, struct sa *sa, uint64_t place)
{
	struct sa_record *record = sa->record;
	struct note note = { sa->spi, sa->destination, place };
	uint64_t now = rte_rdtsc();

	if (record->noted_tsc != 0 && now - record->noted_tsc < rte_get_tsc_hz())
		return;
	record->noted_tsc = now;
	/* Where there is no room, a later packet finds some. */
	rte_ring_enqueue_elem(gw->mappings, &note, sizeof(note));
}

static void
tell(struct gateway *gw, struct sa *sa, uint64_t place, uint64_t now_ns)
{
	struct sa_record *record = sa->record;
	const struct listener *listener = gw->listener;
	uint32_t again_s =
		record->mapping_seconds != 0 ? record->mapping_seconds : MAPPING_AGAIN_SECONDS;

	if (place == atomic_load_explicit(&sa->peer, memory_order_relaxed))
		return;
	if (place == record->told_place && now_ns - record->told_ns < again_s * SECOND_NS)
		return;
	record->told_place = place;
	record->told_ns = now_ns;
	log_info("tunnel %s: the peer of inbound SA 0x%08x sends from another address or port",
		gw->tunnels[sa->tunnel].name, sa->spi);
	if (listener != NULL && listener->mapping != NULL)
		listener->mapping(listener->context, sa, (uint32_t)(place >> 16), (uint16_t)place);
}

void
mapping_tell(struct gateway *gw, uint64_t now_ns)
{
	struct note note;

	/* No more than the ring holds: workers may go on filling it. */
	for (unsigned i = 0; i < MAPPING_NOTES; i++) {
		if (rte_ring_dequeue_elem(gw->mappings, &note, sizeof(note)) != 0)
			return;
		struct sa *sa = sa_find(gw, SA_IN, note.spi, note.destination);
		if (sa != NULL)
			tell(gw, sa, note.place, now_ns);
	}
}
