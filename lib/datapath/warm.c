/* SPDX-License-Identifier: BSD-3-Clause */
#include "warm.h"

#include <rte_prefetch.h>

#include "sa.h"

/* Cache lines of a key that matter for sure: its head, then the schedule of AES-CBC with HMAC. */
#define KEY_LINES 5

static inline void
fetch_key(const struct crypto_key *key)
{
	for (unsigned line = 0; line < KEY_LINES; line++)
		rte_prefetch0((const uint8_t *)key + (size_t)line * CACHE_LINE_BYTES);
}

/* Each pass asks for what the next one follows. */
void
warm_tunnels(struct worker *worker)
{
	const struct gateway *gw = worker->gw;
	const struct tunnel_burst *burst = &worker->tunnel;

	for (unsigned i = 0; i < burst->n; i++) {
		rte_prefetch0(&gw->encaps[burst->tunnel[i]]);
		rte_prefetch0(&worker->runs[burst->tunnel[i]]);
		rte_prefetch0(&worker->counters->tunnels[burst->tunnel[i]].tx);
	}
	for (unsigned i = 0; i < burst->n; i++) {
		const uint8_t *encap = (const uint8_t *)gateway_encap(gw, burst->tunnel[i]);

		rte_prefetch0(encap);
		rte_prefetch0(encap + CACHE_LINE_BYTES);
	}
	for (unsigned i = 0; i < burst->n; i++) {
		const struct encap *encap = gateway_encap(gw, burst->tunnel[i]);

		if (encap->sa == NULL)
			continue;
		rte_prefetch0(encap->sa);
		rte_prefetch0_write(&encap->sa->sequence);
		fetch_key(encap->key);
	}
}

void
warm_sas(struct worker *worker, struct sa *const sa[], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (sa[i] == NULL)
			continue;
		rte_prefetch0(sa[i]);
		rte_prefetch0(&sa[i]->sequence);
		rte_prefetch0_write(&sa[i]->packets_in);
	}
	for (unsigned i = 0; i < n; i++) {
		if (sa[i] == NULL)
			continue;
		rte_prefetch0_write(sa_replay(sa[i]));
		rte_prefetch0(&worker->counters->tunnels[sa[i]->tunnel].rx);
		rte_prefetch0(&worker->gw->inbound_selectors[sa[i]->tunnel]);
		fetch_key(sa[i]->key);
	}
}
