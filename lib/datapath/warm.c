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

/* Into the near caches, for the stages to come: by asking, or `surely` where that is not enough. */
static inline void
bring(const void *object, unsigned lines, bool surely)
{
	if (surely)
		fetch_surely(object, lines);
	else
		fetch_lines(object, lines);
}

/* Each pass asks for what the next one follows. */
void
warm_tunnels(struct worker *worker)
{
	const struct gateway *gw = worker->gw;
	const struct tunnel_burst *burst = &worker->tunnel;
	const bool surely = warm_waits(worker);

	for (unsigned i = 0; i < burst->n; i++)
		fetch_lines(gateway_encap(gw, burst->tunnel[i]), ENCAP_LINES);
	for (unsigned i = 0; i < burst->n; i++) {
		const struct encap *encap = gateway_encap(gw, burst->tunnel[i]);

		if (encap->sa == NULL)
			continue;
		if (surely)
			fetch_surely(encap->header, 1);
		bring(&encap->sa->sequence, 1, surely);
		bring(encap->key, CRYPTO_KEY_LINES, surely);
	}
}

void
warm_sas(struct worker *worker, struct sa *const sa[], unsigned n)
{
	const bool surely = warm_waits(worker);

	for (unsigned i = 0; i < n; i++) {
		if (sa[i] != NULL)
			fetch_lines(sa[i], SA_LINES);
	}
	for (unsigned i = 0; i < n; i++) {
		if (sa[i] == NULL)
			continue;
		fetch(&worker->gw->inbound_selectors[sa[i]->tunnel]);
		bring(sa_replay(sa[i]), 1, surely);
		bring(sa[i]->key, CRYPTO_KEY_LINES, surely);
	}
}
