/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include <rte_cycles.h>

#include "early.h"
#include "punt.h"

/* One whose SA came while this burst was at work is looked at again by this worker, before the
 * queue's next ones. */
static bool
look_again(struct worker *worker, struct rte_mbuf *pkt)
{
	return rte_ring_enqueue(worker->handed[worker->id], pkt) == 0;
}

/* False: too many of them. */
static bool
pass(struct worker *worker, struct rte_mbuf *pkt)
{
	return token_bucket_take(&worker->punt_tokens.bucket[0][PUNT_CLASS_EARLY], rte_rdtsc()) &&
		early_put(worker->gw->early, pkt, worker->id);
}

/* Does it go elsewhere than the other victims? */
static bool
leaves(struct worker *worker, struct rte_mbuf *pkt)
{
	const struct gateway *gw = worker->gw;

	if (!early_expects(gw->early, early_name(pkt)))
		return false;
	switch (early_judge(gw, pkt)) {
	case EARLY_WAITS:
		return pass(worker, pkt);
	case EARLY_GOES:
		return look_again(worker, pkt);
	case EARLY_DROPS:
		break;
	}
	return false;
}

void
esp_early(struct worker *worker)
{
	struct victims *victims = &worker->victims;
	unsigned kept = 0;

	for (unsigned i = 0; i < victims->n; i++) {
		struct rte_mbuf *pkt = victims->pkt[i];

		/* An SPI that nobody knows has been found: there is one, and it is whole. ESP
		 * inside a tunnel is not looked at twice. */
		if (victims->reason[i] == DROP_unknown_spi &&
			(victims->ingress[i] & INGRESS_TUNNEL) == 0 && pkt->nb_segs == 1 &&
			leaves(worker, pkt))
			continue;
		victims_move(victims, kept++, i);
	}
	if (kept < victims->n)
		punt_wake(worker->gw->punt);
	victims->n = kept;
}
