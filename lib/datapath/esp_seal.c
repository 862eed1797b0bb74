/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

void
esp_seal(struct worker *worker)
{
	struct tunnel_burst *burst = &worker->tunnel;

	crypto_seal(worker->crypto, burst->op, burst->n);
	for (unsigned i = 0; i < burst->n; i++)
		tx_put(worker, burst->port[i], burst->pkt[i]);
	burst->n = 0;
}
