/* SPDX-License-Identifier: BSD-3-Clause */
#include "note_ring.h"

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_ring_elem.h>

#include "log.h"

struct rte_ring *
note_ring_create(const char *name, unsigned bytes, unsigned notes)
{
	struct rte_ring *ring = rte_ring_create_elem(
		name, bytes, notes, (int)rte_socket_id(), RING_F_SC_DEQ | RING_F_EXACT_SZ);

	if (ring == NULL)
		log_error("no ring for %s: %s", name, rte_strerror(rte_errno));
	return ring;
}
