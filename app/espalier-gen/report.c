/* SPDX-License-Identifier: BSD-3-Clause */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>

#include <rte_cycles.h>

#define TUNNELS_SHOWN 8

const struct quantile report_quantiles[QUANTILES] = {
	{ "median", 0.5 },
	{ "p90", 0.9 },
	{ "p99", 0.99 },
	{ "p99.9", 0.999 },
	{ "p99.99", 0.9999 },
};

double
report_us(uint64_t cycles)
{
	return 1e6 * (double)cycles / (double)rte_get_tsc_hz();
}

uint64_t
report_sequence(const struct peers *peers)
{
	uint64_t highest = 0;

	for (unsigned i = 0; i < peers->n; i++)
		if (peers->peer[i].seal != NULL)
			highest = RTE_MAX(highest, atomic_load(&peers->peer[i].seal->sequence));
	return highest;
}

static void
show_traffic(const struct report *report)
{
	printf("\n%4s %14s %14s %12s %12s %10s %10s %8s\n", "", "sent", "arrived right", "lost",
		"loss", "Mpps sent", "Mpps right", "Gbit/s");
	for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
		const struct way_outcome *way = &report->outcome->way[d];

		if (!report->options->directions[d])
			continue;
		printf("%4s %14" PRIu64 " %14" PRIu64 " %12" PRIu64 " %10.6f %% %10.4f %10.4f %8.3f"
		       "\n",
			direction_name(d), way->sent, way->accepted, way->lost, 100 * way->loss,
			way->offered_pps / 1e6, way->accepted_pps / 1e6, way->accepted_bps / 1e9);
		if (way->missed > 0)
			printf("     %" PRIu64 " packets were due, but could not be sent in time\n",
				way->missed);
	}
	if (report->throughput > 0)
		printf("\nthroughput (RFC 2544): %.0f packets per second in each direction\n",
			report->throughput);
}

static void
show_latency(const struct report *report)
{
	printf("\n%4s %10s", "us", "min");
	for (unsigned i = 0; i < QUANTILES; i++)
		printf(" %10s", report_quantiles[i].name);
	printf(" %10s\n", "max");
	for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
		const struct latency *latency = &report->outcome->way[d].latency;

		if (!report->options->directions[d] || latency->n == 0)
			continue;
		printf("%4s %10.2f", direction_name(d), report_us(latency->min));
		for (unsigned i = 0; i < QUANTILES; i++)
			printf(" %10.2f",
				report_us(latency_quantile(latency, report_quantiles[i].share)));
		printf(" %10.2f\n", report_us(latency->max));
	}
}

static double
percent(uint64_t part, uint64_t whole)
{
	return whole > 0 ? 100 * (double)part / (double)whole : 0;
}

static void
show_order(const struct report *report)
{
	const struct esp_order *order = &report->outcome->order;

	if (order->packets == 0)
		return;
	printf("\nESP order: %" PRIu64 " packets, %.4f %% behind a later one, farthest %" PRIu64
	       "; beyond a window of %d: %.4f %%, of %d: %.4f %%\n",
		order->packets, percent(order->behind, order->packets), order->farthest,
		ESP_WINDOW_SMALL, percent(order->beyond_small, order->packets), ESP_WINDOW_LARGE,
		percent(order->beyond_large, order->packets));
}

static void
show_tunnels(const struct report *report)
{
	const struct outcome *outcome = report->outcome;
	uint64_t all = outcome->way[DIRECTION_OUT].accepted;

	if (!report->options->directions[DIRECTION_OUT] || outcome->n_peers > TUNNELS_SHOWN)
		return;
	printf("tunnels:");
	for (unsigned i = 0; i < outcome->n_peers; i++)
		printf("%s %s %.2f %%", i > 0 ? "," : "", report->needs->peers->peer[i].name,
			percent(outcome->by_peer[i], all));
	printf("\n");
}

/* The larger loss of both directions, as a share. */
static double
worst_loss(const struct outcome *outcome)
{
	double worst = 0;

	for (enum direction d = 0; d < DIRECTION_COUNT; d++)
		worst = RTE_MAX(worst, outcome->way[d].loss);
	return worst;
}

static void
show_faults(const struct report *report)
{
	const struct outcome *outcome = report->outcome;
	double loss = worst_loss(outcome);
	bool any = false;

	for (enum fault fault = 0; fault < FAULT_COUNT; fault++) {
		if (outcome->faults[fault] == 0)
			continue;
		printf("%s%14" PRIu64 "  %s%s: %s\n", any ? "" : "\nwrong:\n",
			outcome->faults[fault], fault_name(fault),
			report->options->allowed[fault] ? " (allowed)" : "",
			fault_description(fault));
		any = true;
	}
	if (!any && loss > 0)
		printf("\n%.4g %% lost, nothing else wrong\n", 100 * loss);
	else if (!any)
		printf("\nnothing wrong\n");
	if (loss > report->options->loss)
		printf("what the gateway itself dropped, and why: espalierctl show drops\n");
	if (outcome->icmp_error > 0)
		printf("%14" PRIu64 "  ICMP errors came: the gateway or a router refused packets\n",
			outcome->icmp_error);
	if (outcome->foreign > 0)
		printf("%14" PRIu64 "  frames of others were not looked at\n", outcome->foreign);
	if (outcome->dead != NULL)
		printf("queue %u opposite the port '%s' never took a packet: does the other end "
		       "have as many? See --queues\n",
			outcome->dead->queue, outcome->dead->wire->gateway->name);
}

bool
report_text(const struct report *report)
{
	uint64_t sequence = report_sequence(report->needs->peers);

	printf("\n%u flows each way, %s bytes of IPv4, %.2f s\n", report->options->flows,
		report->options->lengths.text, report->outcome->seconds);
	show_traffic(report);
	show_latency(report);
	show_order(report);
	show_tunnels(report);
	show_faults(report);
	if (report->options->directions[DIRECTION_IN] && sequence > 0)
		printf("the gateway remembers: the next run against it needs --sequence %" PRIu64
		       "\n",
			sequence);
	printf("%s\n", report->good ? "PASSED" : "FAILED");
	return fflush(stdout) == 0 && ferror(stdout) == 0;
}
