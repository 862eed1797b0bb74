/* SPDX-License-Identifier: BSD-3-Clause */
#include "team.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "log.h"
#include "payload.h"

#define MESSAGE_BYTES 256
#define ANSWERS 512
#define POLL_US 100

int
team_plan(struct team *team, const struct options *options)
{
	unsigned n = rte_lcore_count() - 1;

	if (n == 0 || n > WORKERS_MAX) {
		log_error("%u worker lcores: give EAL from two to %d lcores, for example -l 0,1; "
			  "the first does no traffic",
			n, WORKERS_MAX + 1);
		return -EINVAL;
	}
	team->n = n;
	team->n_senders = options->senders != 0 ? options->senders : (n + 1) / 2;
	if (team->n_senders > n) {
		log_error("--senders %u: there are %u worker lcores", team->n_senders, n);
		return -EINVAL;
	}
	team->n_receivers = team->n_senders == n ? n : n - team->n_senders;
	team->queues = options->queues != 0 ? options->queues
					    : RTE_MAX(team->n_senders, team->n_receivers);
	if (team->queues < team->n_senders) {
		log_error("--queues %u: %u senders need one each; see --senders", team->queues,
			team->n_senders);
		return -EINVAL;
	}
	return 0;
}

static int
give_streams(
	struct worker *worker, unsigned number, const struct team *team, struct streams *streams)
{
	worker->streams = calloc(streams->n + 1, sizeof(struct stream *));
	if (worker->streams == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < streams->n && number < team->n_senders; i++)
		if (streams->stream[i].queue % team->n_senders == number)
			worker->streams[worker->n_streams++] = &streams->stream[i];
	return 0;
}

static int
give_queues(struct worker *worker, unsigned number, const struct team *team, struct wires *wires)
{
	unsigned first = team->n - team->n_receivers; /* the first receiver */

	worker->queues = calloc(wires->n * team->queues, sizeof(*worker->queues));
	if (worker->queues == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < wires->n && number >= first; i++)
		for (unsigned q = number - first; q < wires->wire[i].rx_queues;
			q += team->n_receivers)
			worker->queues[worker->n_queues++] = (struct rx_queue) {
				.wire = &wires->wire[i],
				.queue = (uint16_t)q,
				.port = (uint8_t)i,
			};
	if (worker->n_queues == 0)
		return 0;
	worker->ivs = calloc(IV_MEMORY, sizeof(*worker->ivs));
	return worker->ivs != NULL ? 0 : -ENOMEM;
}

static int
create_worker(struct team *team, unsigned number, unsigned lcore, const struct team_needs *needs)
{
	struct worker *worker = &team->worker[number];
	char message[MESSAGE_BYTES];
	int error;

	*worker = (struct worker) {
		.peers = needs->peers,
		.flows = needs->flows,
		.options = needs->options,
		.wires = needs->wires,
		.answers = team->answers,
		.sends_answers = number == 0,
		.lcore = lcore,
		.go = &team->go,
		.stop = &team->stop,
	};
	worker->crypto = crypto_create(needs->options->imb_arch, message, sizeof(message));
	if (worker->crypto == NULL) {
		log_error("%s", message);
		return -EINVAL;
	}
	worker->tally.by_peer = calloc(needs->peers->n + 1, sizeof(uint64_t));
	error = give_streams(worker, number, team, needs->streams);
	if (error == 0)
		error = give_queues(worker, number, team, needs->wires);
	return worker->tally.by_peer != NULL ? error : -ENOMEM;
}

int
team_create(struct team *team, const struct team_needs *needs)
{
	unsigned number = 0, lcore;
	size_t bytes = team->n * sizeof(*team->worker);
	int error = 0;

	team->answers = rte_ring_create("answers", ANSWERS, (int)rte_socket_id(), RING_F_SC_DEQ);
	team->worker = aligned_alloc(CACHE_LINE_BYTES, RTE_ALIGN(bytes, CACHE_LINE_BYTES));
	if (team->answers == NULL || team->worker == NULL) {
		log_error("no memory for %u workers", team->n);
		return -ENOMEM;
	}
	memset(team->worker, 0, bytes);
	RTE_LCORE_FOREACH_WORKER(lcore)
	{
		if (error == 0)
			error = create_worker(team, number++, lcore, needs);
	}
	if (error == -ENOMEM)
		log_error("no memory for %u workers", team->n);
	return error;
}

void
team_destroy(struct team *team)
{
	for (unsigned i = 0; team->worker != NULL && i < team->n; i++) {
		struct worker *worker = &team->worker[i];

		crypto_destroy(worker->crypto);
		free(worker->streams);
		free(worker->queues);
		free(worker->ivs);
		free(worker->tally.by_peer);
	}
	free(team->worker);
	rte_ring_free(team->answers);
}

static void
clear_tally(struct tally *tally, unsigned n_peers)
{
	uint64_t *by_peer = tally->by_peer;

	memset(tally, 0, sizeof(*tally));
	memset(by_peer, 0, n_peers * sizeof(*by_peer));
	tally->by_peer = by_peer;
}

static void
prepare(struct worker *worker, uint32_t id, double seconds)
{
	clear_tally(&worker->tally, worker->peers->n);
	worker->checker = (struct checker) {
		.flows = worker->flows,
		.lengths = &worker->options->lengths,
		.id = id,
		.ttl = (uint8_t)(INNER_TTL - worker->options->hops),
		.tally = &worker->tally,
	};
	worker->send_cycles = (uint64_t)(seconds * (double)rte_get_tsc_hz());
	worker->send_until = 0;
	atomic_store(&worker->polls, false);
	atomic_store(&worker->sent_all, false);
}

void
team_begin(struct team *team, uint32_t id, double seconds)
{
	atomic_store(&team->go, false);
	atomic_store(&team->stop, false);
	for (unsigned i = 0; i < team->n; i++) {
		prepare(&team->worker[i], id, seconds);
		rte_eal_remote_launch(worker_run, &team->worker[i], team->worker[i].lcore);
	}
	team->running = true;
	for (unsigned i = 0; i < team->n; i++)
		while (!atomic_load_explicit(&team->worker[i].polls, memory_order_acquire))
			rte_delay_us_sleep(POLL_US);
	atomic_store_explicit(&team->go, true, memory_order_release);
}

void
team_end(struct team *team)
{
	if (!team->running)
		return;
	atomic_store(&team->stop, true);
	for (unsigned i = 0; i < team->n; i++)
		rte_eal_wait_lcore(team->worker[i].lcore);
	team->running = false;
}

bool
team_sent_all(const struct team *team)
{
	for (unsigned i = 0; i < team->n_senders; i++)
		if (!atomic_load_explicit(&team->worker[i].sent_all, memory_order_acquire))
			return false;
	return true;
}
