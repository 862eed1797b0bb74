/* SPDX-License-Identifier: BSD-3-Clause */
#include "tunnel.h"

#include "clock.h"
#include "counters.h"
#include "gateway.h"

/* Is anybody at the other end? */

void
tunnel_packets(const struct gateway *gw, uint16_t tunnel, uint64_t *rx, uint64_t *tx)
{
	*rx = 0;
	*tx = 0;
	for (unsigned worker = 0; worker < gw->n_workers; worker++) {
		const struct worker_counters *counters = gw->counters[worker];

		*rx += counter_read(&counters->tunnel_rx[tunnel].packets);
		*tx += counter_read(&counters->tunnel_tx[tunnel].packets);
	}
}

static void
check_liveness(struct gateway *gw, struct tunnel *tunnel, uint64_t now_ns)
{
	bool dead = tunnel->dead;
	uint64_t rx, tx;

	tunnel_packets(gw, tunnel->index, &rx, &tx);
	if (rx != tunnel->seen_rx || tunnel->alive_ns == 0) {
		tunnel->seen_rx = rx;
		tunnel->seen_tx = tx;
		tunnel->alive_ns = now_ns;
		dead = false;
	} else if (tx == tunnel->seen_tx) {
		/* It was not asked, so that it did not answer tells nothing. */
		tunnel->alive_ns = now_ns;
	} else if (now_ns - tunnel->alive_ns >= tunnel->liveness_ms * MILLISECOND_NS) {
		dead = true;
	}
	if (dead == tunnel->dead)
		return;
	tunnel->dead = dead;
	tunnel_refresh(gw, tunnel);
}

void
tunnel_check_liveness(struct gateway *gw, uint64_t now_ns)
{
	for (unsigned i = 0; i < gw->n_tunnels; i++)
		if (gw->tunnels[i].liveness_ms > 0)
			check_liveness(gw, &gw->tunnels[i], now_ns);
}

void
tunnel_revive(struct gateway *gw, struct tunnel *tunnel)
{
	tunnel->dead = false;
	tunnel->alive_ns = 0;
	tunnel_refresh(gw, tunnel);
}
