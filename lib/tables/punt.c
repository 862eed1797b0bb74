/* SPDX-License-Identifier: BSD-3-Clause */
#include "punt.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include "compiler.h"
#include "log.h"

struct punt *
punt_create(void)
{
	struct punt *punt = rte_zmalloc("punt", sizeof(*punt), CACHE_LINE_BYTES);

	if (punt == NULL) {
		log_error("no memory for the way to the control core");
		return NULL;
	}
	punt->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (punt->wake < 0) {
		log_error("no eventfd: %s", strerror(errno));
		goto destroy;
	}
	punt->ring = rte_ring_create(
		"punt", PUNT_RING_PKTS, (int)rte_socket_id(), RING_F_SC_DEQ | RING_F_EXACT_SZ);
	if (punt->ring == NULL) {
		log_error("no ring to the control core: %s", rte_strerror(rte_errno));
		goto destroy;
	}
	return punt;

destroy:
	punt_destroy(punt);
	return NULL;
}

void
punt_destroy(struct punt *punt)
{
	struct rte_mbuf *pkt;

	if (punt == NULL)
		return;
	while (punt->ring != NULL && rte_ring_dequeue(punt->ring, (void **)&pkt) == 0)
		rte_pktmbuf_free(pkt);
	rte_ring_free(punt->ring);
	if (punt->wake >= 0)
		close(punt->wake);
	rte_free(punt);
}

void
punt_signal(const struct punt *punt)
{
	const uint64_t one = 1;

	/* It cannot fail: the counter does not get near its end. */
	(void)!write(punt->wake, &one, sizeof(one));
}
