/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include "sa.h"

void
esp_verify(struct worker *worker)
{
	struct esp_burst *burst = &worker->esp;
	unsigned kept = 0;

	crypto_verify(worker->crypto, burst->op, burst->n);
	for (unsigned i = 0; i < burst->n; i++) {
		if (unlikely(!burst->op[i].ok)) {
			sa_refused(burst->sa[i], DROP_bad_icv);
			worker_drop(worker, burst->pkt[i], burst->port[i], DROP_bad_icv);
			continue;
		}
		esp_burst_move(burst, kept++, i);
	}
	burst->n = kept;
}

void
esp_decrypt(struct worker *worker)
{
	crypto_decrypt(worker->crypto, worker->esp.op, worker->esp.n);
}
