/* SPDX-License-Identifier: BSD-3-Clause */
#include "report.h"

#include <stdio.h>

#include <jansson.h>

#define NUMBER(n) json_integer((json_int_t)(n))

static json_t *
latency_json(const struct latency *latency)
{
	json_t *object;

	if (latency->n == 0)
		return json_null();
	object = json_object();
	json_object_set_new(object, "min", json_real(report_us(latency->min)));
	for (unsigned i = 0; i < QUANTILES; i++)
		json_object_set_new(object, report_quantiles[i].name,
			json_real(report_us(latency_quantile(latency, report_quantiles[i].share))));
	json_object_set_new(object, "max", json_real(report_us(latency->max)));
	json_object_set_new(
		object, "mean", json_real(report_us(latency->sum) / (double)latency->n));
	return object;
}

static json_t *
way_json(const struct way_outcome *way)
{
	json_t *object = json_object();

	json_object_set_new(object, "sent", NUMBER(way->sent));
	json_object_set_new(object, "received", NUMBER(way->accepted));
	json_object_set_new(object, "lost", NUMBER(way->lost));
	json_object_set_new(object, "loss", json_real(way->loss));
	json_object_set_new(object, "missed", NUMBER(way->missed));
	json_object_set_new(object, "sent_pps", json_real(way->offered_pps));
	json_object_set_new(object, "received_pps", json_real(way->accepted_pps));
	json_object_set_new(object, "received_bps", json_real(way->accepted_bps));
	json_object_set_new(object, "latency_us", latency_json(&way->latency));
	return object;
}

static json_t *
order_json(const struct esp_order *order)
{
	json_t *object = json_object();

	json_object_set_new(object, "packets", NUMBER(order->packets));
	json_object_set_new(object, "behind", NUMBER(order->behind));
	json_object_set_new(object, "farthest", NUMBER(order->farthest));
	json_object_set_new(object, "beyond_64", NUMBER(order->beyond_small));
	json_object_set_new(object, "beyond_1024", NUMBER(order->beyond_large));
	return object;
}

static json_t *
faults_json(const struct outcome *outcome)
{
	json_t *object = json_object();

	for (enum fault fault = 0; fault < FAULT_COUNT; fault++)
		json_object_set_new(object, fault_name(fault), NUMBER(outcome->faults[fault]));
	return object;
}

static json_t *
tunnels_json(const struct report *report)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < report->outcome->n_peers; i++)
		json_object_set_new(object, report->needs->peers->peer[i].name,
			NUMBER(report->outcome->by_peer[i]));
	return object;
}

bool
report_json(const struct report *report)
{
	const struct outcome *outcome = report->outcome;
	json_t *root = json_object();
	bool written;

	json_object_set_new(root, "passed", json_boolean(report->good));
	json_object_set_new(root, "flows", NUMBER(report->options->flows));
	json_object_set_new(root, "size", json_string(report->options->lengths.text));
	json_object_set_new(
		root, "rate", report->rate > 0 ? json_real(report->rate) : json_string("max"));
	json_object_set_new(root, "seconds", json_real(outcome->seconds));
	if (report->throughput > 0)
		json_object_set_new(root, "throughput_pps", json_real(report->throughput));
	for (enum direction d = 0; d < DIRECTION_COUNT; d++)
		json_object_set_new(root, direction_name(d),
			report->options->directions[d] ? way_json(&outcome->way[d]) : json_null());
	json_object_set_new(root, "faults", faults_json(outcome));
	json_object_set_new(root, "esp_order", order_json(&outcome->order));
	json_object_set_new(root, "tunnels", tunnels_json(report));
	json_object_set_new(root, "icmp_errors", NUMBER(outcome->icmp_error));
	json_object_set_new(root, "foreign", NUMBER(outcome->foreign));
	json_object_set_new(root, "sequence", NUMBER(report_sequence(report->needs->peers)));
	written = json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0;
	json_decref(root);
	return written && puts("") != EOF && fflush(stdout) == 0;
}
