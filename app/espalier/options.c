/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define IDLE_SLEEP_US_DEFAULT 1000
#define IDLE_SLEEP_US_MAX 100000

static const char usage[] =
	"Usage: espalier [EAL options] -- -f FILE [options]\n"
	"\n"
	"An IPsec gateway dataplane on DPDK. The main lcore is the control core; every other lcore "
	"of the\n"
	"core mask is a worker that polls its queues.\n"
	"\n"
	"  -f FILE                     the configuration file; check it with: espalierctl check "
	"FILE\n"
	"  --config \"(P,Q,L),...\"      queue Q of DPDK port P is polled by lcore L\n"
	"                              (default: queue n goes to the n-th worker)\n"
	"  --no-kernel-interfaces      make no TAP for each port and no TUN for each tunnel\n"
	"  --idle-sleep-us N           longest nap of an idle worker in microseconds; 0: poll "
	"without pause\n"
	"                              (default: 1000; above 100 only after seconds without a "
	"packet)\n"
	"  --imb-arch ARCH             ipsec-mb code to use: auto, avx512, avx2, avx or sse "
	"(default: auto)\n"
	"  --mbufs N                   packet buffers (default: as the queues need)\n"
	"  --start-held                workers wait for: espalierctl resume\n"
	"  --help, --version\n"
	"\n"
	"Two workers on NICs:\n"
	"  espalier -l 0,2,4 -a 0000:3b:00.0 -a 0000:3b:00.1 --in-memory -- -f "
	"/etc/espalier/cloud.conf\n"
	"From file to file, without hugepages or privileges:\n"
	"  espalier -l 0,1 --no-huge -m 256 --vdev net_pcap0,rx_pcap=in.pcap,tx_pcap=a.pcap \\\n"
	"           --vdev net_pcap1,rx_pcap=none.pcap,tx_pcap=out.pcap -- -f minimal.conf "
	"--no-kernel-interfaces\n"
	"EAL's own options: espalier -h\n";

enum {
	OPTION_CONFIG = 256,
	OPTION_NO_KERNEL_INTERFACES,
	OPTION_IDLE_SLEEP_US,
	OPTION_IMB_ARCH,
	OPTION_MBUFS,
	OPTION_START_HELD,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "no-kernel-interfaces", no_argument, NULL, OPTION_NO_KERNEL_INTERFACES },
	{ "idle-sleep-us", required_argument, NULL, OPTION_IDLE_SLEEP_US },
	{ "imb-arch", required_argument, NULL, OPTION_IMB_ARCH },
	{ "mbufs", required_argument, NULL, OPTION_MBUFS },
	{ "start-held", no_argument, NULL, OPTION_START_HELD },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ NULL, 0, NULL, 0 },
};

/* A whole decimal number from `low` to `high`. */
static bool
read_number(const char *name, const char *text, unsigned low, unsigned high, unsigned *number)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < low ||
		value > high) {
		log_error("%s takes a number from %u to %u, not '%s'", name, low, high, text);
		return false;
	}
	*number = (unsigned)value;
	return true;
}

/* "(port,queue,lcore),..." as DPDK's examples spell it. */
static bool
read_assignments(const char *text, struct options *options)
{
	const char *at = text;

	while (*at != '\0') {
		struct queue_assignment *next = &options->assignments[options->n_assignments];
		int used = 0;

		if (options->n_assignments == ASSIGNMENTS_MAX) {
			log_error("--config names more than %d queues", ASSIGNMENTS_MAX);
			return false;
		}
		if (sscanf(at, "(%9u,%9u,%9u)%n", &next->port, &next->queue, &next->lcore, &used) !=
				3 ||
			used == 0) {
			log_error("--config takes \"(port,queue,lcore),...\"; it cannot be read "
				  "from '%s' on",
				at);
			return false;
		}
		options->n_assignments++;
		at += used;
		if (*at == ',' && at[1] != '\0')
			at++;
		else if (*at != '\0') {
			log_error("--config: a comma and another triple may follow, not '%s'", at);
			return false;
		}
	}
	if (options->n_assignments == 0)
		log_error("--config takes \"(port,queue,lcore),...\", and is empty");
	return options->n_assignments > 0;
}

static bool
read_option(int option, void *context)
{
	struct options *options = context;

	switch (option) {
	case 'f':
		options->config_path = optarg;
		return true;
	case OPTION_CONFIG:
		return read_assignments(optarg, options);
	case OPTION_NO_KERNEL_INTERFACES:
		options->kernel_interfaces = false;
		return true;
	case OPTION_IDLE_SLEEP_US:
		return read_number(
			"--idle-sleep-us", optarg, 0, IDLE_SLEEP_US_MAX, &options->idle_sleep_us);
	case OPTION_IMB_ARCH:
		options->imb_arch = optarg;
		return true;
	case OPTION_MBUFS:
		return read_number("--mbufs", optarg, 1024, INT_MAX, &options->mbufs);
	case OPTION_START_HELD:
		options->start_held = true;
		return true;
	default: /* getopt_long has said what is wrong */
		return false;
	}
}

enum options_result
options_parse(int argc, char *argv[], struct options *options)
{
	int eal_argc = eal_line_end(argc, argv);

	*options = (struct options) {
		.eal_argc = eal_argc,
		.idle_sleep_us = IDLE_SLEEP_US_DEFAULT,
		.kernel_interfaces = true,
	};
	if (eal_line_has(argc, argv, "--help")) {
		fputs(usage, stdout);
		return OPTIONS_DONE;
	}
	if (eal_line_has(argc, argv, "--version")) {
		puts("espalier " ESPALIER_VERSION);
		return OPTIONS_DONE;
	}
	if (eal_argc == argc) {
		/* EAL's -h needs no configuration file; EAL prints and exits. */
		if (argc == 2 && strcmp(argv[1], "-h") == 0)
			return OPTIONS_RUN;
		log_error("no configuration file: espalier [EAL options] -- -f FILE (see --help)");
		return OPTIONS_BAD;
	}
	if (!eal_line_read(argc, argv, "f:", long_options, read_option, options))
		return OPTIONS_BAD;
	if (options->config_path == NULL) {
		log_error("no configuration file: give -f FILE after \"--\" (see --help)");
		return OPTIONS_BAD;
	}
	return OPTIONS_RUN;
}
