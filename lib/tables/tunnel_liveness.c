/* SPDX-License-Identifier: BSD-3-Clause */
#include "tunnel.h"

#include "clock.h"
#include "gateway.h"

/* Is anybody at the other end? */

/* One that was heard is not looked at for this part of its time: each look takes cache lines that
 * workers are writing to. Its last packet may be as old when it is noticed, so by as much later, at
 * most, is it found dead. */
#define REST 16

/* A larger number whenever something authentic came: also what a peer sends only to be heard (RFC
 * 4303 2.6), and what the selectors refused. */
static uint64_t
signs_of_life(const struct tunnel *tunnel, const struct tunnel_traffic *passed)
{
	uint64_t signs = passed->rx.packets;
	const struct sa *sa;

	LIST_FOREACH (sa, &tunnel->inbound, record->link)
		signs += sa_last_sequence(sa);
	return signs;
}

static void
check_liveness(struct gateway *gw, struct tunnel *tunnel, uint64_t now_ns)
{
	const uint64_t patience_ns = tunnel->liveness_ms * MILLISECOND_NS;
	bool dead = tunnel->dead;
	struct tunnel_traffic passed;

	if (now_ns < tunnel->look_ns)
		return;
	tunnel_traffic(tunnel, &passed);
	uint64_t signs = signs_of_life(tunnel, &passed);
	bool heard = signs > tunnel->seen_signs;
	/* It is smaller when an SA went. */
	tunnel->seen_signs = signs;
	if (heard || tunnel->alive_ns == 0) {
		tunnel->seen_tx = passed.tx.packets;
		tunnel->alive_ns = now_ns;
		tunnel->look_ns = now_ns + patience_ns / REST;
		dead = false;
	} else if (passed.tx.packets == tunnel->seen_tx) {
		/* It was not asked, so that it did not answer tells nothing. */
		tunnel->alive_ns = now_ns;
	} else if (now_ns - tunnel->alive_ns >= patience_ns) {
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
tunnel_trust(struct tunnel *tunnel)
{
	tunnel->dead = false;
	tunnel->alive_ns = 0;
	tunnel->look_ns = 0;
}

void
tunnel_revive(struct gateway *gw, struct tunnel *tunnel)
{
	tunnel_trust(tunnel);
	tunnel_refresh(gw, tunnel);
}
