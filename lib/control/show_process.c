/* SPDX-License-Identifier: BSD-3-Clause */
#include "show.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_version.h>

#include "gateway.h"
#include "protocol.h"
#include "render.h"
#include "totals.h"

static const char *const stage_names[] = {
#define STAGE_NAME(name) #name,
	STAGES(STAGE_NAME)
#undef STAGE_NAME
};

static json_t *
render_device(uint16_t dpdk_id)
{
	char name[RTE_ETH_NAME_MAX_LEN];

	if (!rte_eth_dev_is_valid_port(dpdk_id) || rte_eth_dev_get_name_by_port(dpdk_id, name) != 0)
		return json_null();
	return render_text(name);
}

static json_t *
render_link(const struct port *port)
{
	static const char *const names[] = { [PORT_LINK_DOWN] = "down", [PORT_LINK_UP] = "up" };

	return render_text(names[port->link]);
}

/* What the device received and nobody took: its queues were full, or buffers had run out. */
static json_t *
render_missed(uint16_t dpdk_id)
{
	struct rte_eth_stats stats;

	if (!rte_eth_dev_is_valid_port(dpdk_id) || rte_eth_stats_get(dpdk_id, &stats) != 0)
		return json_null();
	return render_count(stats.imissed + stats.rx_nombuf);
}

int
show_port(const struct session_context *context, uint32_t *cursor, json_t **row)
{
	const struct gateway *gw = context->gw;
	struct port_counters total;

	if (*cursor >= gw->n_ports)
		return 0;
	const struct port *port = &gw->ports[*cursor];
	totals_port(gw, (*cursor)++, &total);
	*row = json_object();
	render_set(row, "name", render_text(port->name));
	render_set(row, "device", render_device(port->dpdk_id));
	render_set(row, "mac", render_mac(&port->mac));
	render_set(row, "mtu", json_integer(port->mtu));
	render_set(row, "addresses", render_prefixes(port->addresses, port->n_addresses));
	render_set(row, "link", render_link(port));
	render_set(row, "rx", render_traffic(&total.rx));
	render_set(row, "tx", render_traffic(&total.tx));
	render_set(row, "rx_missed", render_missed(port->dpdk_id));
	render_set(row, "tx_full", render_count(total.tx_full));
	return 1;
}

/* A copy of what the worker goes on counting in, so that all that is said of it agrees. */
struct loop_times {
	uint64_t turns[LOOP_BUCKETS];
	uint64_t total;
	uint64_t max_cycles;
};

static void
take_loop_times(const struct worker_counters *counters, struct loop_times *times)
{
	times->total = 0;
	for (unsigned i = 0; i < LOOP_BUCKETS; i++) {
		times->turns[i] = counter_read(&counters->loop_cycles_log2[i]);
		times->total += times->turns[i];
	}
	times->max_cycles = counter_read(&counters->loop_cycles_max);
}

/* Microseconds with one decimal; null without a clock to go by. */
static json_t *
render_cycles(uint64_t cycles)
{
	uint64_t hz = rte_get_tsc_hz();

	if (hz == 0)
		return json_null();
	return json_real((double)(uint64_t)((double)cycles * 1e7 / (double)hz + 0.5) / 10);
}

/* The turns of a bucket took less than that many cycles; the last bucket knows no such limit. */
static uint64_t
bucket_edge(unsigned bucket)
{
	return bucket == LOOP_BUCKETS - 1 ? UINT64_MAX : UINT64_C(2) << bucket;
}

/* What that part of all turns did not exceed: its bucket's edge, or the longest of all. */
static json_t *
render_quantile(const struct loop_times *times, unsigned percent)
{
	uint64_t seen = times->turns[0];
	unsigned i = 0;

	if (times->total == 0)
		return json_null();
	while (seen * 100 < times->total * percent)
		seen += times->turns[++i];
	return render_cycles(RTE_MIN(times->max_cycles, bucket_edge(i)));
}

/* The buckets that have anything. */
static json_t *
render_loop_histogram(const struct loop_times *times)
{
	json_t *buckets = json_array();

	for (unsigned i = 0; i < LOOP_BUCKETS; i++) {
		if (times->turns[i] == 0)
			continue;
		json_t *bucket = json_object();
		render_set(&bucket, "log2_cycles", json_integer(i));
		render_set(&bucket, "below_us",
			i == LOOP_BUCKETS - 1 ? json_null() : render_cycles(bucket_edge(i)));
		render_set(&bucket, "turns", render_count(times->turns[i]));
		json_array_append_new(buckets, bucket);
	}
	return buckets;
}

static void
render_loops(json_t **row, const struct worker_counters *counters)
{
	struct loop_times times;
	json_t *quantiles = json_object();

	take_loop_times(counters, &times);
	render_set(&quantiles, "p50", render_quantile(&times, 50));
	render_set(&quantiles, "p99", render_quantile(&times, 99));
	render_set(&quantiles, "max",
		times.total == 0 ? json_null() : render_cycles(times.max_cycles));
	render_set(row, "loop_us", quantiles);
	render_set(row, "loop_histogram", render_loop_histogram(&times));
}

/* The stages that any packet went through. */
static json_t *
render_stages(const struct worker_counters *counters)
{
	json_t *stages = json_array();

	for (unsigned i = 0; i < STAGE_COUNT; i++) {
		uint64_t packets = counter_read(&counters->stages[i].packets);
		uint64_t cycles = counter_read(&counters->stages[i].cycles);

		if (packets == 0)
			continue;
		json_t *stage = json_object();
		render_set(&stage, "stage", json_string(stage_names[i]));
		render_set(&stage, "packets", render_count(packets));
		render_set(&stage, "cycles", render_count(cycles));
		render_set(&stage, "cycles_per_packet",
			json_real((double)(cycles * 10 / packets) / 10));
		json_array_append_new(stages, stage);
	}
	return stages;
}

int
show_worker(const struct session_context *context, uint32_t *cursor, json_t **row)
{
	const unsigned *lcores = context->facts.lcores;
	uint32_t worker = *cursor;

	if (worker >= context->gw->n_workers)
		return 0;
	(*cursor)++;
	const struct worker_counters *counters = context->gw->counters[worker];
	*row = json_object();
	render_set(row, "worker", json_integer(worker));
	render_set(row, "lcore", lcores == NULL ? json_null() : json_integer(lcores[worker]));
	render_set(row, "loops", render_count(counter_read(&counters->loops)));
	render_set(row, "busy_loops", render_count(counter_read(&counters->busy_loops)));
	render_set(row, "bursts", render_count(counter_read(&counters->bursts)));
	render_set(row, "packets", render_count(counter_read(&counters->packets)));
	render_set(row, "sleeps", render_count(counter_read(&counters->sleeps)));
	render_set(row, "handed_over", render_count(counter_read(&counters->handed_over)));
	render_set(row, "drops", render_count(totals_worker_drops(counters)));
	render_loops(row, counters);
	if (STAGES_COUNTED)
		render_set(row, "stages", render_stages(counters));
	return 1;
}

int
show_drop(const struct session_context *context, uint32_t *cursor, json_t **row)
{
	enum drop_reason reason = (enum drop_reason)(*cursor + 1); /* past DROP_NONE */

	if (reason >= DROP_REASON_COUNT)
		return 0;
	(*cursor)++;
	*row = json_object();
	render_set(row, "reason", json_string(drop_name(reason)));
	render_set(row, "packets", render_count(totals_drop(context->gw, reason)));
	render_set(row, "description", json_string(drop_description(reason)));
	return 1;
}

int
show_version(const struct session_context *context, uint32_t *cursor, json_t **row)
{
	const struct gateway *gw = context->gw;

	if (*cursor > 0)
		return 0;
	(*cursor)++;
	*row = json_object();
	render_set(row, "name", render_text(gw->name));
	render_set(row, "version", render_text(context->facts.version));
	/* It says "DPDK 22.11.11": past the name and its blank. */
	render_set(row, "dpdk", json_string(rte_version() + sizeof(RTE_VER_PREFIX)));
	render_set(row, "ipsec_mb", render_text(context->facts.crypto));
	render_set(row, "protocol", json_integer(ESPALIER_PROTOCOL_VERSION));
	render_set(row, "workers", json_integer(gw->n_workers));
	render_set(row, "held", json_boolean(atomic_load(&gw->held)));
	return 1;
}
