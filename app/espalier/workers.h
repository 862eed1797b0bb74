/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>

#include <rte_mempool.h>

#include "gateway.h"
#include "options.h"

struct worker;

/* The workers: one for each lcore but the main one. main() only. */
struct workers {
	unsigned n;
	unsigned lcores[WORKERS_MAX];
	struct worker *worker[WORKERS_MAX];
};

/* Lists the worker lcores. 0, or -EINVAL with the reason in the log: none, more than WORKERS_MAX,
 * or --config names one that is not there. */
int workers_list(struct workers *workers, const struct options *options);

/* Makes them and deals out queues. 0, or -errno with the reason in the log; what was made stays for
 * workers_destroy(). */
int workers_create(struct workers *workers, struct gateway *gw, const struct options *options,
	struct rte_mempool *pool);
/* Frees them, with the packets they still hold. They have been stopped. */
void workers_destroy(struct workers *workers);

/* Starts them polling, or waiting to be resumed. */
void workers_launch(struct workers *workers);
/* Has each been once around its loop? */
bool workers_poll(const struct workers *workers, const struct gateway *gw);
/* Asks them to stop and waits until they have. */
void workers_stop(struct workers *workers, struct gateway *gw);
