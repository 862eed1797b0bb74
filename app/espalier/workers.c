/* SPDX-License-Identifier: BSD-3-Clause */
#include "workers.h"

#include <errno.h>
#include <stdio.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include "crypto.h"
#include "log.h"
#include "words.h"
#include "worker.h"

#define MESSAGE_BYTES 256
#define NO_WORKER UINT32_MAX

static unsigned
worker_on(const struct workers *workers, unsigned lcore)
{
	for (unsigned i = 0; i < workers->n; i++)
		if (workers->lcores[i] == lcore)
			return i;
	return NO_WORKER;
}

int
workers_list(struct workers *workers, const struct options *options)
{
	unsigned lcore;

	RTE_LCORE_FOREACH_WORKER(lcore)
	{
		if (workers->n == WORKERS_MAX) {
			log_error("more than %d worker lcores", WORKERS_MAX);
			return -EINVAL;
		}
		workers->lcores[workers->n++] = lcore;
	}
	if (workers->n == 0) {
		log_error("no worker lcore: give EAL at least two lcores, for example -l 0,1; the "
			  "first is the control core");
		return -EINVAL;
	}
	for (unsigned i = 0; i < options->n_assignments; i++)
		if (worker_on(workers, options->assignments[i].lcore) == NO_WORKER) {
			log_error("--config: lcore %u is not a worker",
				options->assignments[i].lcore);
			return -EINVAL;
		}
	return 0;
}

static int
give_queue(struct worker *worker, const struct port *port, unsigned queue)
{
	if (worker->n_rx_queues == WORKER_QUEUES_MAX) {
		log_error("lcore %u has more than %d queues to poll", worker->lcore,
			WORKER_QUEUES_MAX);
		return -EINVAL;
	}
	worker->rx_queues[worker->n_rx_queues++] = (struct rx_queue) {
		.dpdk_port = port->dpdk_id,
		.queue = (uint16_t)queue,
		.port = port->index,
	};
	return 0;
}

/* Queue n to the n-th worker. Where workers are left over, the flows of the port are spread to all
 * by whoever receives. */
static int
deal_evenly(struct workers *workers, const struct gateway *gw)
{
	for (unsigned i = 0; i < gw->n_ports; i++) {
		const struct port *port = &gw->ports[i];

		for (unsigned queue = 0; queue < port->rx_queues; queue++) {
			int error = give_queue(workers->worker[queue], port, queue);

			if (error != 0)
				return error;
		}
		for (unsigned w = 0; w < workers->n; w++) {
			workers->worker[w]->spread[i] = port->rx_queues < workers->n;
			workers->worker[w]->spreads |= workers->worker[w]->spread[i];
		}
	}
	return 0;
}

static const struct port *
port_of(const struct gateway *gw, unsigned dpdk_id)
{
	for (unsigned i = 0; i < gw->n_ports; i++)
		if (gw->ports[i].dpdk_id == dpdk_id)
			return &gw->ports[i];
	return NULL;
}

/* As --config says. The operator has decided who does what, so nothing is spread. */
static int
deal_as_told(struct workers *workers, const struct gateway *gw, const struct options *options)
{
	for (unsigned i = 0; i < options->n_assignments; i++) {
		const struct queue_assignment *told = &options->assignments[i];
		const struct port *port = port_of(gw, told->port);

		if (port == NULL) {
			log_error("--config: no port of the configuration is DPDK port %u",
				told->port);
			return -EINVAL;
		}
		for (unsigned other = 0; other < i; other++)
			if (options->assignments[other].port == told->port &&
				options->assignments[other].queue == told->queue) {
				log_error("--config: queue %u of port %u has two lcores; a queue "
					  "is polled by "
					  "one",
					told->queue, told->port);
				return -EINVAL;
			}
		int error = give_queue(
			workers->worker[worker_on(workers, told->lcore)], port, told->queue);
		if (error != 0)
			return error;
	}
	for (unsigned i = 0; i < gw->n_ports; i++) {
		unsigned polled = 0;

		for (unsigned a = 0; a < options->n_assignments; a++)
			polled += options->assignments[a].port == gw->ports[i].dpdk_id;
		if (polled < gw->ports[i].rx_queues) {
			log_error("--config: port '%s' (DPDK port %u) has %u receive queues, but "
				  "only %u of them stand here; give each an lcore",
				gw->ports[i].name, gw->ports[i].dpdk_id, gw->ports[i].rx_queues,
				polled);
			return -EINVAL;
		}
	}
	return 0;
}

/* To whom a worker gives what leaves by a port: its own queue, or the worker that owns one. */
static void
connect_tx(struct workers *workers, const struct gateway *gw, unsigned id)
{
	struct worker *worker = workers->worker[id];

	for (unsigned i = 0; i < gw->n_ports; i++) {
		const struct port *port = &gw->ports[i];
		unsigned owner = id % port->tx_queues;

		worker->port_index[port->dpdk_id] = port->index;
		worker->tx[i].dpdk_port = port->dpdk_id;
		worker->tx[i].queue = (uint16_t)owner;
		worker->tx[i].to_owner = owner == id ? NULL : workers->worker[owner]->tx_ring;
	}
	for (unsigned other = 0; other < workers->n; other++)
		worker->handed[other] = workers->worker[other]->handed[other];
}

static struct worker *
create_one(const struct workers *workers, const struct gateway *gw, const struct options *options,
	struct rte_mempool *pool, unsigned id)
{
	char message[MESSAGE_BYTES];
	struct crypto *crypto = crypto_create(options->imb_arch, message, sizeof(message));

	if (crypto == NULL) {
		log_error("%s", message);
		return NULL;
	}
	struct worker *worker = worker_create(gw, crypto, pool, id, workers->lcores[id]);
	if (worker == NULL)
		log_error("no memory for the worker on lcore %u: give EAL more with -m",
			workers->lcores[id]);
	else
		worker->idle_sleep_us = options->idle_sleep_us;
	return worker;
}

int
workers_create(struct workers *workers, struct gateway *gw, const struct options *options,
	struct rte_mempool *pool)
{
	for (unsigned id = 0; id < workers->n; id++) {
		workers->worker[id] = create_one(workers, gw, options, pool, id);
		if (workers->worker[id] == NULL)
			return -ENOMEM;
	}
	for (unsigned id = 0; id < workers->n; id++)
		connect_tx(workers, gw, id);
	if (options->n_assignments > 0)
		return deal_as_told(workers, gw, options);
	return deal_evenly(workers, gw);
}

void
workers_destroy(struct workers *workers)
{
	for (unsigned id = 0; id < workers->n; id++) {
		worker_destroy(workers->worker[id]);
		workers->worker[id] = NULL;
	}
}

/* "2, 4" */
static void
list_lcores(const struct workers *workers, char *list, size_t list_bytes)
{
	list[0] = '\0';
	for (unsigned id = 0; id < workers->n; id++) {
		char lcore[16];

		snprintf(lcore, sizeof(lcore), "%u", workers->lcores[id]);
		words_list(list, list_bytes, lcore);
	}
}

void
workers_launch(struct workers *workers)
{
	char lcores[WORKERS_MAX * 6];

	list_lcores(workers, lcores, sizeof(lcores));
	log_info("workers: %u, on lcores %s; control core: lcore %u", workers->n, lcores,
		rte_get_main_lcore());
	for (unsigned id = 0; id < workers->n; id++)
		rte_eal_remote_launch(worker_run, workers->worker[id], workers->lcores[id]);
}

bool
workers_poll(const struct workers *workers, const struct gateway *gw)
{
	for (unsigned id = 0; id < workers->n; id++)
		if (counter_read(&gw->counters[id]->loops) == 0)
			return false;
	return true;
}

void
workers_stop(struct workers *workers, struct gateway *gw)
{
	atomic_store_explicit(&gw->stop, true, memory_order_relaxed);
	for (unsigned id = 0; id < workers->n; id++)
		rte_eal_wait_lcore(workers->lcores[id]);
}
