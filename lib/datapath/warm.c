/* SPDX-License-Identifier: BSD-3-Clause */
#include "warm.h"

#include "fetch.h"
#include "nexthop.h"
#include "sa.h"

void
warm_nexthops(struct worker *worker)
{
	const struct nexthop_slots *slots = nexthop_slots(worker->gw->nexthops);
	const struct ip_burst *burst = &worker->ip;

	for (unsigned i = 0; i < burst->n; i++)
		fetch(nexthop_read(slots, (uint32_t)burst->nexthop[i]));
}

/* Each pass asks for what the next one follows. */
void
warm_tunnels(struct worker *worker)
{
	const struct gateway *gw = worker->gw;
	const struct tunnel_burst *burst = &worker->tunnel;

	for (unsigned i = 0; i < burst->n; i++) {
		uint16_t tunnel = burst->tunnel[i];

		fetch_lines(gateway_encap(gw, tunnel), 2);
	}
	for (unsigned i = 0; i < burst->n; i++) {
		const struct encap *encap = gateway_encap(gw, burst->tunnel[i]);

		if (encap->sa == NULL)
			continue;
		fetch(&encap->sa->sequence);
		fetch_lines(encap->key, CRYPTO_KEY_LINES);
	}
	if (!warm_waits(worker))
		return;
	for (unsigned i = 0; i < burst->n; i++) {
		const struct encap *encap = gateway_encap(gw, burst->tunnel[i]);

		if (encap->sa == NULL)
			continue;
		fetch_surely(&encap->sa->sequence, 1);
		fetch_surely(encap->key, CRYPTO_KEY_LINES);
	}
}

void
warm_sas(struct worker *worker, struct sa *const sa[], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (sa[i] == NULL)
			continue;
		fetch_lines(sa[i], SA_LINES);
	}
	for (unsigned i = 0; i < n; i++) {
		if (sa[i] == NULL)
			continue;
		fetch(sa_replay(sa[i]));
		fetch(&worker->gw->inbound_selectors[sa[i]->tunnel]);
		fetch_lines(sa[i]->key, CRYPTO_KEY_LINES);
	}
	if (!warm_waits(worker))
		return;
	for (unsigned i = 0; i < n; i++) {
		if (sa[i] == NULL)
			continue;
		fetch_surely(sa_replay(sa[i]), 1);
		fetch_surely(sa[i]->key, CRYPTO_KEY_LINES);
	}
}
