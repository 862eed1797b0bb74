/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker.h"

int
worker_run(void *argument)
{
	struct worker *worker = argument;

	while (!atomic_load_explicit(worker->stop, memory_order_relaxed)) {
		if (worker->n_queues > 0)
			receive_turn(worker);
		atomic_store_explicit(&worker->polls, true, memory_order_release);
		if (!atomic_load_explicit(worker->go, memory_order_acquire))
			continue;
		if (worker->n_streams > 0 || worker->sends_answers)
			send_turn(worker);
	}
	return 0;
}
