/* SPDX-License-Identifier: BSD-3-Clause */
#include "streams.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "log.h"

static unsigned
queue_of(const struct flow *flow, uint32_t number, const struct peers *peers, unsigned queues)
{
	if (flow->direction == DIRECTION_IN && peers->n >= queues)
		return flow->peer % queues;
	return number % queues;
}

static struct stream *
stream_of(struct streams *streams, const struct flows *flows, uint32_t number,
	const struct peers *peers, unsigned queues)
{
	const struct flow *flow = &flows->flow[number];

	return &streams->stream[(flow->direction * PORTS_MAX + flow->from) * queues +
		queue_of(flow, number, peers, queues)];
}

/* Leaves out those without flows. */
static void
compact(struct streams *streams)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < streams->n; i++)
		if (streams->stream[i].n_flows > 0)
			streams->stream[kept++] = streams->stream[i];
	streams->n = kept;
}

int
streams_create(struct streams *streams, const struct flows *flows, const struct wires *wires,
	const struct peers *peers, unsigned queues)
{
	streams->n = DIRECTION_COUNT * PORTS_MAX * queues;
	streams->stream = calloc(streams->n, sizeof(*streams->stream));
	if (streams->stream == NULL)
		goto no_memory;
	for (unsigned i = 0; i < streams->n; i++) {
		streams->stream[i].queue = (uint16_t)(i % queues);
		streams->stream[i].wire = &wires->wire[i / queues % PORTS_MAX];
		streams->stream[i].direction = (uint8_t)(i / queues / PORTS_MAX);
	}
	for (uint32_t i = 0; i < flows->n; i++)
		stream_of(streams, flows, i, peers, queues)->n_flows++;
	for (unsigned i = 0; i < streams->n; i++) {
		struct stream *stream = &streams->stream[i];

		if (stream->n_flows == 0)
			continue;
		stream->flows = calloc(stream->n_flows, sizeof(*stream->flows));
		if (stream->flows == NULL)
			goto no_memory;
		stream->n_flows = 0;
	}
	for (uint32_t i = 0; i < flows->n; i++) {
		struct stream *stream = stream_of(streams, flows, i, peers, queues);

		stream->flows[stream->n_flows++] = i;
	}
	compact(streams);
	return 0;

no_memory:
	log_error("no memory to deal %u flows to queues", flows->n);
	return -ENOMEM;
}

void
streams_destroy(struct streams *streams)
{
	for (unsigned i = 0; i < streams->n; i++)
		free(streams->stream[i].flows);
	free(streams->stream);
	*streams = (struct streams) { 0 };
}

/* The stream's share of a number that belongs to all flows of its direction, so that the shares add
 * up. */
static uint64_t
share_of(const struct streams *streams, const struct stream *stream, uint64_t number)
{
	uint64_t all = 0, before = 0;

	for (unsigned i = 0; i < streams->n; i++) {
		const struct stream *other = &streams->stream[i];

		if (other->direction != stream->direction)
			continue;
		all += other->n_flows;
		if (other < stream)
			before += other->n_flows;
	}
	return (uint64_t)((__uint128_t)number * (before + stream->n_flows) / all -
		(__uint128_t)number * before / all);
}

void
streams_prepare(struct streams *streams, const struct stream_order *order)
{
	double hz = (double)rte_get_tsc_hz();

	for (unsigned i = 0; i < streams->n; i++) {
		struct stream *stream = &streams->stream[i];
		/* In millionths, since a share of a packet per second counts too; one at least,
		 * since none would be as many as go. */
		uint64_t millionths = share_of(streams, stream, (uint64_t)(order->rate * 1e6));

		if (order->rate > 0)
			millionths = RTE_MAX(millionths, UINT64_C(1));
		stream->pace = (struct pace) {
			.per_cycle = (double)millionths / 1e6 / hz,
			.ramp = order->ramp_s * hz,
		};
		stream->limit = order->packets != 0 ? share_of(streams, stream, order->packets)
						    : UINT64_MAX;
		stream->made = 0;
		stream->next = 0;
	}
}

uint64_t
streams_missed(const struct streams *streams, enum direction direction)
{
	uint64_t missed = 0;

	for (unsigned i = 0; i < streams->n; i++)
		if (streams->stream[i].direction == direction)
			missed += streams->stream[i].pace.missed;
	return missed;
}

void
streams_clear(struct streams *streams)
{
	for (unsigned i = 0; i < streams->n; i++) {
		struct stream *stream = &streams->stream[i];

		rte_pktmbuf_free_bulk(stream->waiting + stream->first_waiting, stream->n_waiting);
		stream->n_waiting = 0;
	}
}
