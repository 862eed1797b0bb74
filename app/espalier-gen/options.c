/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "log.h"
#include "numbers.h"
#include "usage.h"

enum {
	OPTION_MODE = 256,
	OPTION_OPPOSITE,
	OPTION_GATEWAY_MAC,
	OPTION_LOCAL,
	OPTION_REMOTE,
	OPTION_TUNNEL,
	OPTION_FLOWS,
	OPTION_SIZE,
	OPTION_RATE,
	OPTION_DURATION,
	OPTION_PACKETS,
	OPTION_WARM_UP,
	OPTION_RAMP,
	OPTION_DRAIN,
	OPTION_WAIT,
	OPTION_LOSS,
	OPTION_ALLOW,
	OPTION_SEARCH,
	OPTION_RESOLUTION,
	OPTION_SEQUENCE,
	OPTION_ID,
	OPTION_HOPS,
	OPTION_SENDERS,
	OPTION_QUEUES,
	OPTION_BURST,
	OPTION_MBUFS,
	OPTION_IMB_ARCH,
};

static const struct option long_options[] = {
	{ "mode", required_argument, NULL, OPTION_MODE },
	{ "opposite", required_argument, NULL, OPTION_OPPOSITE },
	{ "gateway-mac", required_argument, NULL, OPTION_GATEWAY_MAC },
	{ "local", required_argument, NULL, OPTION_LOCAL },
	{ "remote", required_argument, NULL, OPTION_REMOTE },
	{ "tunnel", required_argument, NULL, OPTION_TUNNEL },
	{ "flows", required_argument, NULL, OPTION_FLOWS },
	{ "size", required_argument, NULL, OPTION_SIZE },
	{ "rate", required_argument, NULL, OPTION_RATE },
	{ "duration", required_argument, NULL, OPTION_DURATION },
	{ "packets", required_argument, NULL, OPTION_PACKETS },
	{ "warm-up", required_argument, NULL, OPTION_WARM_UP },
	{ "ramp", required_argument, NULL, OPTION_RAMP },
	{ "drain", required_argument, NULL, OPTION_DRAIN },
	{ "wait", required_argument, NULL, OPTION_WAIT },
	{ "loss", required_argument, NULL, OPTION_LOSS },
	{ "allow", required_argument, NULL, OPTION_ALLOW },
	{ "search", no_argument, NULL, OPTION_SEARCH },
	{ "resolution", required_argument, NULL, OPTION_RESOLUTION },
	{ "sequence", required_argument, NULL, OPTION_SEQUENCE },
	{ "id", required_argument, NULL, OPTION_ID },
	{ "hops", required_argument, NULL, OPTION_HOPS },
	{ "senders", required_argument, NULL, OPTION_SENDERS },
	{ "queues", required_argument, NULL, OPTION_QUEUES },
	{ "burst", required_argument, NULL, OPTION_BURST },
	{ "mbufs", required_argument, NULL, OPTION_MBUFS },
	{ "imb-arch", required_argument, NULL, OPTION_IMB_ARCH },
	{ "json", no_argument, NULL, 'j' },
	{ NULL, 0, NULL, 0 },
};

#define SECONDS_MAX 1e6
#define FLOWS_MAX 16000000

static bool
read_mode(const char *text, struct options *options)
{
	options->directions[DIRECTION_OUT] = strcmp(text, "in") != 0;
	options->directions[DIRECTION_IN] = strcmp(text, "out") != 0;
	if (strcmp(text, "out") == 0 || strcmp(text, "in") == 0 || strcmp(text, "both") == 0)
		return true;
	log_error("--mode takes out, in or both, not '%s'", text);
	return false;
}

/* PORT=VALUE, or VALUE for every port where that has a meaning. */
static bool
read_named(const char *option, const char *text, struct named_list *list)
{
	const char *equals = strchr(text, '=');

	if (list->n == NAMED_MAX) {
		log_error("%s is given more than %d times", option, NAMED_MAX);
		return false;
	}
	list->item[list->n++] = (struct named) {
		.name = text,
		.name_bytes = equals != NULL ? (int)(equals - text) : 0,
		.value = equals != NULL ? equals + 1 : text,
	};
	return true;
}

static bool
read_prefix(const char *option, const char *text, struct prefix_list *list)
{
	char why[WHY_BYTES];

	if (list->n == PREFIXES_MAX) {
		log_error("%s is given more than %d times", option, PREFIXES_MAX);
		return false;
	}
	if (prefix_parse(text, &list->item[list->n], why)) {
		list->item[list->n].address &= prefix_mask(list->item[list->n].bits);
		list->n++;
		return true;
	}
	log_error("%s %s: %s", option, text, why);
	return false;
}

static bool
read_size(const char *text, struct options *options)
{
	if (lengths_parse(text, &options->lengths))
		return true;
	log_error("--size takes bytes of IPv4 from %d to %d: 64, 64-1420, imix, or a mix such as "
		  "48x7,576x4,1420; not '%s'",
		LENGTH_MIN, LENGTH_MAX, text);
	return false;
}

static bool
read_rate(const char *text, struct options *options)
{
	size_t bytes = strlen(text);

	options->rate_kind = RATE_MAX;
	if (strcmp(text, "max") == 0)
		return true;
	if (bytes > 0 && text[bytes - 1] == '%') {
		options->rate_kind = RATE_SHARE;
		return number_read_share("--rate", text, &options->rate);
	}
	options->rate_kind = RATE_PPS;
	return number_read_real("--rate", text, 0.1, 1e9, &options->rate);
}

static bool
read_allowed(const char *text, struct options *options)
{
	for (const char *at = text; *at != '\0';) {
		char name[32];
		size_t bytes = strcspn(at, ",");
		enum fault fault = FAULT_COUNT;

		if (bytes < sizeof(name)) {
			memcpy(name, at, bytes);
			name[bytes] = '\0';
			fault = fault_find(name);
		}
		if (fault == FAULT_COUNT) {
			log_error("--allow: nothing is called '%.*s' (see --help)", (int)bytes, at);
			return false;
		}
		options->allowed[fault] = true;
		at += bytes + (at[bytes] == ',');
	}
	return true;
}

/* What is to be sent. */
static bool
read_traffic(int option, struct options *options)
{
	switch (option) {
	case OPTION_MODE:
		return read_mode(optarg, options);
	case OPTION_LOCAL:
		return read_prefix("--local", optarg, &options->local);
	case OPTION_REMOTE:
		return read_prefix("--remote", optarg, &options->remote);
	case OPTION_TUNNEL:
		options->tunnel = optarg;
		return true;
	case OPTION_FLOWS:
		return number_read_unsigned("--flows", optarg, 1, FLOWS_MAX, &options->flows);
	case OPTION_SIZE:
		return read_size(optarg, options);
	case OPTION_SEQUENCE:
		options->sequence_given = true;
		return number_read("--sequence", optarg, 0, INT64_MAX, &options->sequence);
	case OPTION_ID:
		options->id_given = true;
		return number_read_unsigned("--id", optarg, 0, UINT32_MAX, &options->id);
	case OPTION_HOPS:
		return number_read_unsigned("--hops", optarg, 0, 60, &options->hops);
	default:
		return false;
	}
}

/* How fast and how long. */
static bool
read_timing(int option, struct options *options)
{
	switch (option) {
	case OPTION_RATE:
		return read_rate(optarg, options);
	case OPTION_DURATION:
		return number_read_real(
			"--duration", optarg, 0.01, SECONDS_MAX, &options->duration_s);
	case OPTION_PACKETS:
		return number_read("--packets", optarg, 1, INT64_MAX, &options->packets);
	case OPTION_WARM_UP:
		return number_read_real("--warm-up", optarg, 0, SECONDS_MAX, &options->warm_up_s);
	case OPTION_RAMP:
		return number_read_real("--ramp", optarg, 0, SECONDS_MAX, &options->ramp_s);
	case OPTION_DRAIN:
		return number_read_real("--drain", optarg, 0.01, SECONDS_MAX, &options->drain_s);
	case OPTION_WAIT:
		return number_read_real("--wait", optarg, 0, SECONDS_MAX, &options->wait_s);
	case OPTION_LOSS:
		return number_read_share("--loss", optarg, &options->loss);
	case OPTION_ALLOW:
		return read_allowed(optarg, options);
	case OPTION_SEARCH:
		options->search = true;
		return true;
	case OPTION_RESOLUTION:
		return number_read_share("--resolution", optarg, &options->resolution);
	default:
		return read_traffic(option, options);
	}
}

static bool
read_option(int option, void *context)
{
	struct options *options = context;

	switch (option) {
	case 'f':
		options->config_path = optarg;
		return true;
	case 'j':
		options->json = true;
		return true;
	case OPTION_OPPOSITE:
		return read_named("--opposite", optarg, &options->opposite);
	case OPTION_GATEWAY_MAC:
		return read_named("--gateway-mac", optarg, &options->gateway_mac);
	case OPTION_SENDERS:
		return number_read_unsigned("--senders", optarg, 1, WORKERS_MAX, &options->senders);
	case OPTION_QUEUES:
		return number_read_unsigned("--queues", optarg, 1, WORKERS_MAX, &options->queues);
	case OPTION_BURST:
		return number_read_unsigned("--burst", optarg, 1, BURST_PKTS, &options->burst);
	case OPTION_MBUFS:
		return number_read_unsigned("--mbufs", optarg, 1024, INT_MAX, &options->mbufs);
	case OPTION_IMB_ARCH:
		options->imb_arch = optarg;
		return true;
	default:
		return read_timing(option, options);
	}
}

static void
set_defaults(struct options *options)
{
	*options = (struct options) {
		.directions = { [DIRECTION_OUT] = true },
		.flows = 1000,
		.burst = 32,
		.hops = 1,
		.duration_s = 10,
		.warm_up_s = 0.2,
		.drain_s = 0.5,
		.wait_s = 10,
		.resolution = 0.01,
	};
	lengths_parse("64", &options->lengths);
}

enum options_result
options_parse(int argc, char *argv[], struct options *options)
{
	set_defaults(options);
	options->eal_argc = eal_line_end(argc, argv);
	if (eal_line_has(argc, argv, "--help")) {
		usage_print();
		return OPTIONS_DONE;
	}
	if (eal_line_has(argc, argv, "--version")) {
		puts("espalier-gen " ESPALIER_VERSION);
		return OPTIONS_DONE;
	}
	if (options->eal_argc == argc) {
		log_error("no configuration file: espalier-gen [EAL options] -- -f FILE (see "
			  "--help)");
		return OPTIONS_BAD;
	}
	if (!eal_line_read(argc, argv, "f:j", long_options, read_option, options))
		return OPTIONS_BAD;
	if (options->config_path == NULL) {
		log_error("no configuration file: give the gateway's with -f FILE after \"--\" "
			  "(see --help)");
		return OPTIONS_BAD;
	}
	if (options->search && options->rate_kind == RATE_SHARE) {
		log_error("--search finds the rate: --rate says where it begins, in packets per "
			  "second or max");
		return OPTIONS_BAD;
	}
	return OPTIONS_RUN;
}

const char *
options_named(const struct named_list *list, const char *port)
{
	const char *value = NULL;

	for (unsigned i = 0; i < list->n; i++) {
		const struct named *item = &list->item[i];

		if (item->name_bytes == 0 ? value == NULL
					  : strlen(port) == (size_t)item->name_bytes &&
					strncmp(port, item->name, (size_t)item->name_bytes) == 0)
			value = item->value;
	}
	return value;
}

const char *
direction_name(enum direction direction)
{
	return direction == DIRECTION_OUT ? "out" : "in";
}
