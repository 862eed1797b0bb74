/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>

#include <rte_eal.h>

#include "arp.h"
#include "log.h"
#include "payload.h"
#include "report.h"
#include "search.h"
#include "start.h"
#include "team.h"

#define WARM_UP_PPS 2000.0
#define PROBE_S 1.0 /* how long the maximum is measured that --rate 10% refers to */
#define FOREVER_S 1e9

/* The process, from its first line to its last: each part is made by name, and unmade in the exact
 * reverse. */
struct process {
	struct options options;
	struct config *config;
	struct crypto *crypto; /* expands keys */
	struct atlas atlas;
	struct peers peers;
	struct wires wires;
	struct flows flows;
	struct streams streams;
	struct team team;
	struct range range;
};

static volatile sig_atomic_t interrupted;

static void
interrupt(int signal_number)
{
	(void)signal_number;
	interrupted = 1;
}

static int
make_peers(struct process *process)
{
	int error = atlas_create(&process->atlas, process->config);

	if (error != 0)
		log_error("no memory for the routes of the file");
	else
		error = peers_create(
			&process->peers, process->config, &process->atlas, process->crypto);
	for (unsigned i = 0; i < process->peers.n && process->options.sequence_given; i++)
		if (process->peers.peer[i].seal != NULL)
			atomic_store(
				&process->peers.peer[i].seal->sequence, process->options.sequence);
	return error;
}

static int
make_range(struct process *process)
{
	const struct options *options = &process->options;

	process->range = (struct range) {
		.team = &process->team,
		.needs = { options, &process->wires, &process->peers, &process->flows,
			&process->streams },
		.next_id = options->id,
		.interrupted = &interrupted,
	};
	if (!options->id_given &&
		getrandom(&process->range.next_id, sizeof(process->range.next_id), 0) !=
			(ssize_t)sizeof(process->range.next_id))
		return -errno;
	return team_create(&process->team, &process->range.needs);
}

/* Everything that can fail, in order; what was made is unmade by tear_down(). */
static int
set_up(struct process *process)
{
	const struct options *options = &process->options;
	int error = team_plan(&process->team, options);
	const struct wire_needs needs = {
		.rx_queues = process->team.queues,
		.tx_queues = process->team.queues,
	};

	payload_init();
	if (error == 0)
		process->crypto = start_crypto(options->imb_arch, &error);
	if (error == 0)
		error = make_peers(process);
	if (error == 0)
		error = flows_create(&process->flows, process->config, &process->atlas,
			&process->peers, options);
	if (error == 0)
		error = wires_open(&process->wires, process->config, options, &needs);
	if (error == 0)
		error = streams_create(&process->streams, &process->flows, &process->wires,
			&process->peers, process->team.queues);
	if (error == 0)
		error = make_range(process);
	return error;
}

static void
tear_down(struct process *process)
{
	team_destroy(&process->team);
	streams_destroy(&process->streams);
	wires_close(&process->wires);
	flows_destroy(&process->flows);
	peers_destroy(&process->peers);
	atlas_destroy(&process->atlas);
	crypto_destroy(process->crypto);
	config_free(process->config);
}

/* Slowly, and without looking at the result: who must be learned by ARP is known afterwards. */
static bool
warm_up(struct process *process)
{
	const struct trial trial = {
		.order = { .rate = WARM_UP_PPS },
		.seconds = process->options.warm_up_s,
	};
	struct outcome outcome;

	if (process->options.warm_up_s == 0)
		return true;
	if (!trial_run(&process->range, &trial, &outcome))
		return false;
	outcome_free(&outcome);
	return true;
}

/* As fast as it goes, for a moment: the better direction's packets per second. 0: out of memory. */
static double
probe(struct process *process, double (*figure)(const struct way_outcome *))
{
	const struct trial trial = { .seconds = PROBE_S };
	struct outcome outcome;
	double most = 0;

	if (!trial_run(&process->range, &trial, &outcome))
		return 0;
	for (enum direction d = 0; d < DIRECTION_COUNT; d++)
		most = RTE_MAX(most, figure(&outcome.way[d]));
	outcome_free(&outcome);
	return most;
}

static double
offered(const struct way_outcome *way)
{
	return way->offered_pps;
}

static double
accepted(const struct way_outcome *way)
{
	return way->accepted_pps;
}

static int
tell(const struct process *process, const struct outcome *outcome, double rate, double throughput)
{
	const struct report report = {
		.options = &process->options,
		.needs = &process->range.needs,
		.outcome = outcome,
		.rate = rate,
		.throughput = throughput,
		.good = outcome_good(outcome, &process->options),
	};

	if (process->options.json ? report_json(&report) : report_text(&report))
		return report.good ? EXIT_SUCCESS : EXIT_WRONG;
	log_error("the report cannot be written to standard output: %s", strerror(errno));
	return EXIT_BAD_INPUT;
}

static int
run_search(struct process *process)
{
	const struct options *options = &process->options;
	double highest = options->rate_kind == RATE_PPS ? options->rate : probe(process, offered);
	struct outcome outcome;
	double rate;
	int status;

	if (!search_run(&process->range, highest, &rate, &outcome)) {
		log_error("no rate down to %.0f packets per second passes",
			highest * options->resolution);
		return EXIT_WRONG;
	}
	status = tell(process, &outcome, rate, rate);
	outcome_free(&outcome);
	return status;
}

static int
run_once(struct process *process)
{
	const struct options *options = &process->options;
	struct trial trial = {
		.order = { .packets = options->packets, .ramp_s = options->ramp_s },
		.seconds = options->packets != 0 ? FOREVER_S : options->duration_s,
		.voice = TRIAL_TELLS,
	};
	struct outcome outcome;
	int status;

	if (options->rate_kind == RATE_PPS)
		trial.order.rate = options->rate;
	if (options->rate_kind == RATE_SHARE) {
		double most = probe(process, accepted);

		if (most == 0) {
			log_error("nothing arrives at the maximum rate, of which --rate is a "
				  "share: try --rate with packets per second");
			return EXIT_WRONG;
		}
		trial.order.rate = options->rate * most;
	}
	if (!trial_run(&process->range, &trial, &outcome)) {
		log_error("out of memory");
		return EXIT_BAD_INPUT;
	}
	status = tell(process, &outcome, trial.order.rate, 0);
	outcome_free(&outcome);
	return status;
}

/* From here on EAL is there. */
static int
run(struct process *process)
{
	int status = EXIT_BAD_INPUT;

	if (set_up(process) == 0 && wires_wait(&process->wires, process->options.wait_s)) {
		arp_resolve(&process->wires);
		fprintf(stderr, "espalier-gen: ready\n");
		if (warm_up(process))
			status = process->options.search ? run_search(process) : run_once(process);
	}
	tear_down(process);
	return status;
}

int
main(int argc, char *argv[])
{
	struct process process = { 0 };
	struct sigaction action = { .sa_handler = interrupt };
	int status;

	log_init("espalier-gen");
	switch (options_parse(argc, argv, &process.options)) {
	case OPTIONS_RUN:
		break;
	case OPTIONS_DONE:
		return EXIT_SUCCESS;
	case OPTIONS_BAD:
		return EXIT_BAD_INPUT;
	}
	prctl(PR_SET_DUMPABLE, 0); /* the file has keys */
	if (config_load(process.options.config_path, &process.config, start_print_line, NULL) !=
		CONFIG_GOOD)
		return EXIT_BAD_INPUT;
	if (start_eal(process.options.eal_argc, argv) < 0) {
		config_free(process.config);
		return EXIT_BAD_INPUT;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	status = run(&process);
	rte_eal_cleanup();
	return status;
}
