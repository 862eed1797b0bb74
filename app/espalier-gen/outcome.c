/* SPDX-License-Identifier: BSD-3-Clause */
#include "outcome.h"

#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

static void
add_way(struct way_outcome *way, const struct way_tally *tally)
{
	way->sent += counter_read(&tally->sent.packets);
	way->sent_bytes += counter_read(&tally->sent.bytes);
	way->accepted += counter_read(&tally->accepted.packets);
	way->accepted_bytes += counter_read(&tally->accepted.bytes);
	latency_merge(&way->latency, &tally->latency);
}

static void
add_tally(struct outcome *outcome, const struct tally *tally)
{
	for (enum direction d = 0; d < DIRECTION_COUNT; d++)
		add_way(&outcome->way[d], &tally->way[d]);
	for (enum fault fault = 0; fault < FAULT_COUNT; fault++)
		outcome->faults[fault] += counter_read(&tally->faults[fault]);
	outcome->foreign += tally->foreign;
	outcome->icmp_error += tally->icmp_error;
	outcome->arp += tally->arp;
	for (unsigned i = 0; i < outcome->n_peers; i++)
		outcome->by_peer[i] += counter_read(&tally->by_peer[i]);
}

static void
add_order(struct outcome *outcome, const struct peers *peers)
{
	for (unsigned i = 0; i < peers->n_sas; i++) {
		const struct esp_order *order = &peers->sas[i].order;

		outcome->order.packets += order->packets;
		outcome->order.behind += order->behind;
		outcome->order.beyond_small += order->beyond_small;
		outcome->order.beyond_large += order->beyond_large;
		if (order->farthest > outcome->order.farthest)
			outcome->order.farthest = order->farthest;
	}
}

/* From the first packet sent to the last. */
static double
sending_seconds(const struct team *team)
{
	uint64_t first = UINT64_MAX, last = 0;

	for (unsigned i = 0; i < team->n; i++) {
		const struct tally *tally = &team->worker[i].tally;

		if (tally->first_tx == 0)
			continue;
		first = RTE_MIN(first, tally->first_tx);
		last = RTE_MAX(last, tally->last_tx);
	}
	return last > first ? (double)(last - first) / (double)rte_get_tsc_hz() : 0;
}

static void
conclude(struct way_outcome *way, double seconds)
{
	way->lost = way->sent > way->accepted ? way->sent - way->accepted : 0;
	way->loss = way->sent > 0 ? (double)way->lost / (double)way->sent : 0;
	if (seconds == 0)
		return;
	way->offered_pps = (double)way->sent / seconds;
	way->accepted_pps = (double)way->accepted / seconds;
	way->accepted_bps = 8 * (double)way->accepted_bytes / seconds;
}

/* A queue that never took a packet most likely has nobody at its other end. */
static const struct stream *
find_dead(const struct streams *streams)
{
	for (unsigned i = 0; i < streams->n; i++) {
		const struct stream *stream = &streams->stream[i];

		if (stream->n_waiting > 0 && stream->first_waiting == 0 &&
			stream->made == stream->n_waiting)
			return stream;
	}
	return NULL;
}

bool
outcome_gather(struct outcome *outcome, const struct team *team, const struct team_needs *needs)
{
	memset(outcome, 0, sizeof(*outcome));
	outcome->n_peers = needs->peers->n;
	outcome->by_peer = calloc(outcome->n_peers + 1, sizeof(*outcome->by_peer));
	if (outcome->by_peer == NULL)
		return false;
	for (unsigned i = 0; i < team->n; i++)
		add_tally(outcome, &team->worker[i].tally);
	add_order(outcome, needs->peers);
	outcome->seconds = sending_seconds(team);
	outcome->dead = find_dead(needs->streams);
	for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
		outcome->way[d].missed = streams_missed(needs->streams, d);
		conclude(&outcome->way[d], outcome->seconds);
	}
	return true;
}

void
outcome_free(struct outcome *outcome)
{
	free(outcome->by_peer);
	outcome->by_peer = NULL;
}

bool
outcome_good(const struct outcome *outcome, const struct options *options)
{
	bool good = outcome->dead == NULL;

	for (enum direction d = 0; d < DIRECTION_COUNT; d++)
		if (options->directions[d])
			good &= outcome->way[d].sent > 0 && outcome->way[d].loss <= options->loss;
	for (enum fault fault = 0; fault < FAULT_COUNT; fault++)
		good &= outcome->faults[fault] == 0 || options->allowed[fault];
	return good;
}

struct progress
outcome_progress(const struct team *team)
{
	struct progress progress = { 0 };

	for (unsigned i = 0; i < team->n; i++) {
		const struct tally *tally = &team->worker[i].tally;
		uint64_t last_rx = counter_read(&tally->last_rx);

		for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
			progress.sent[d] += counter_read(&tally->way[d].sent.packets);
			progress.accepted[d] += counter_read(&tally->way[d].accepted.packets);
		}
		for (enum fault fault = 0; fault < FAULT_COUNT; fault++)
			progress.wrong += counter_read(&tally->faults[fault]);
		progress.last_rx = RTE_MAX(progress.last_rx, last_rx);
	}
	return progress;
}
