/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

void
esp_seal(struct worker *worker)
{
	struct tunnel_burst *burst = &worker->tunnel;

	crypto_seal(worker->crypto, burst->op, burst->n);
	for (unsigned first = 0, next; first < burst->n; first = next) {
		for (next = first + 1; next < burst->n && burst->port[next] == burst->port[first];
			next++)
			;
		tx_put_all(worker, burst->port[first], burst->pkt + first, next - first);
	}
	burst->n = 0;
}
