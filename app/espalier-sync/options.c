/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "compiler.h"
#include "sizes.h"

#define FPM_GRACE_S 120
#define RECEIVE_BYTES (64 << 20)

static const char help[] =
	"espalier-sync - give Espalier the routes of this machine and its routing daemons\n"
	"\n"
	"Usage: espalier-sync [-s SOCKET] [-n NETNS] [--fpm [ADDR:]PORT] [--no-mirror] [--table "
	"N]\n"
	"       espalier-sync --compare [-s SOCKET] [-n NETNS] [--table N]\n"
	"\n"
	"Mirrors the kernel's IPv4 routes that leave by Espalier's interfaces, and serves FRR's\n"
	"FPM. Runs in the foreground; its routes stay when it ends.\n"
	"\n"
	"  $ espalier-sync -n gw                     # BIRD, FRR, or `ip route` by hand\n"
	"  $ espalier-sync -n gw --fpm 2620          # zebra -M dplane_fpm_nl\n"
	"  $ espalier-sync -n gw --compare           # do both have the same?\n"
	"\n"
	"Options:\n"
	"  -s, --socket PATH      the gateway's control socket\n"
	"                         (" ESPALIER_SOCKET_DEFAULT ")\n"
	"  -n, --netns NETNS      where Espalier's interfaces are: gateway.kernel_netns, a name\n"
	"                         as `ip netns` has it, or a path\n"
	"      --table N          the kernel's routing table (254, main)\n"
	"      --no-mirror        leave the kernel's routes alone; needs --fpm\n"
	"      --fpm [ADDR:]PORT  listen for zebra, at 127.0.0.1 unless told. FRR's routes then\n"
	"                         come this way alone\n"
	"      --fpm-grace SEC    how long a route stays that a zebra which came back has not\n"
	"                         told again (120)\n"
	"      --receive-buffer BYTES   room for the kernel's messages (67108864)\n"
	"      --compare          print each difference between the kernel's and Espalier's\n"
	"                         routes, one a line, and end\n"
	"  -h, --help             this text\n"
	"  -V, --version          the version of espalier-sync\n"
	"\n"
	"Exit status: 0 after SIGTERM or SIGINT; 1 failed; 2 the command line is wrong.\n"
	"With --compare: 0 they agree, 1 they differ, 2 that could not be found out.\n";

static enum options_verdict PRINTF_LIKE(1, 2) usage_error(const char *format, ...)
{
	va_list values;

	va_start(values, format);
	fputs("espalier-sync: ", stderr);
	vfprintf(stderr, format, values);
	fputs("\nTry: espalier-sync --help\n", stderr);
	va_end(values);
	return OPTIONS_WRONG;
}

static bool
parse_number(const char *text, unsigned long min, unsigned long max, unsigned long *number)
{
	char *end;

	errno = 0;
	*number = strtoul(text, &end, 10);
	return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && *number >= min &&
		*number <= max;
}

static bool
parse_endpoint(const char *text, struct sockaddr_in *address)
{
	const char *colon = strchr(text, ':'), *port = colon == NULL ? text : colon + 1;
	char host[INET_ADDRSTRLEN] = "127.0.0.1";
	unsigned long number;

	if (colon != NULL) {
		size_t bytes = (size_t)(colon - text);

		if (bytes >= sizeof(host))
			return false;
		memcpy(host, text, bytes);
		host[bytes] = '\0';
	}
	if (!parse_number(port, 1, UINT16_MAX, &number))
		return false;
	*address = (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)number),
	};
	return inet_pton(AF_INET, host, &address->sin_addr) == 1;
}

enum { FPM = 256, FPM_GRACE, NO_MIRROR, TABLE, RECEIVE_BUFFER, COMPARE };

/* One option with its value. OPTIONS_DONE: --help or --version was all. */
static enum options_verdict
take_option(int option, struct options *options)
{
	unsigned long number;

	switch (option) {
	case 's':
		options->socket = optarg;
		return OPTIONS_RUN;
	case 'n':
		options->netns = optarg;
		return OPTIONS_RUN;
	case FPM:
		options->fpm = true;
		if (!parse_endpoint(optarg, &options->fpm_address))
			return usage_error("--fpm is a port, or an IPv4 address and a port as in "
					   "127.0.0.1:2620");
		return OPTIONS_RUN;
	case FPM_GRACE:
		if (!parse_number(optarg, 0, 86400, &number))
			return usage_error("--fpm-grace is 0 to 86400 seconds");
		options->fpm_grace_s = (uint32_t)number;
		return OPTIONS_RUN;
	case NO_MIRROR:
		options->mirror = false;
		return OPTIONS_RUN;
	case TABLE:
		if (!parse_number(optarg, 1, UINT32_MAX, &number) || number == RT_TABLE_LOCAL)
			return usage_error("--table is the number of a routing table, and not "
					   "the local one, 255");
		options->table = (uint32_t)number;
		return OPTIONS_RUN;
	case RECEIVE_BUFFER:
		if (!parse_number(optarg, 4096, INT_MAX / 2, &number))
			return usage_error("--receive-buffer is 4096 bytes or more");
		options->receive_bytes = (int)number;
		return OPTIONS_RUN;
	case COMPARE:
		options->compare = true;
		return OPTIONS_RUN;
	case 'h':
		fputs(help, stdout);
		return OPTIONS_DONE;
	case 'V':
		puts("espalier-sync " ESPALIER_VERSION);
		return OPTIONS_DONE;
	default:
		return usage_error("that option is not known, or lacks its value");
	}
}

enum options_verdict
options_parse(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "netns", required_argument, NULL, 'n' },
		{ "fpm", required_argument, NULL, FPM },
		{ "fpm-grace", required_argument, NULL, FPM_GRACE },
		{ "no-mirror", no_argument, NULL, NO_MIRROR },
		{ "table", required_argument, NULL, TABLE },
		{ "receive-buffer", required_argument, NULL, RECEIVE_BUFFER },
		{ "compare", no_argument, NULL, COMPARE },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	enum options_verdict verdict = OPTIONS_RUN;
	int option;

	*options = (struct options) {
		.socket = ESPALIER_SOCKET_DEFAULT,
		.mirror = true,
		.table = RT_TABLE_MAIN,
		.fpm_grace_s = FPM_GRACE_S,
		.receive_bytes = RECEIVE_BYTES,
	};
	while (verdict == OPTIONS_RUN &&
		(option = getopt_long(argc, argv, "s:n:hV", known, NULL)) != -1)
		verdict = take_option(option, options);
	if (verdict != OPTIONS_RUN)
		return verdict;
	if (optind < argc)
		return usage_error("'%s' is no option", argv[optind]);
	if (!options->mirror && !options->fpm)
		return usage_error("--no-mirror without --fpm leaves nothing to do");
	if (options->compare && (options->fpm || !options->mirror))
		return usage_error("--compare looks at the kernel; --fpm and --no-mirror do not "
				   "belong to it");
	return OPTIONS_RUN;
}
