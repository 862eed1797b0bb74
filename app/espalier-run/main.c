/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "broker.h"
#include "child.h"
#include "compiler.h"
#include "log.h"
#include "program.h"
#include "sizes.h"

/* As env(1) and shells have them; a command that runs has its own. */
enum {
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_REFUSED = 126,
	EXIT_NOT_FOUND = 127,
};

#define PATIENCE_MS 10000
#define LIBRARY "libespalier-run.so"

static const char help[] =
	"espalier-run - start a program whose netlink goes to Espalier, not to the kernel\n"
	"\n"
	"Usage: espalier-run [-s SOCKET] [--family xfrm|route|all] CMD [ARGS...]\n"
	"\n"
	"The program's AF_NETLINK sockets of the family, and those of all that it starts, are\n"
	"carried to the gateway's control socket. It needs no change and does not notice; when\n"
	"Espalier restarts, its requests wait, and SAs that were lost are told it as expired.\n"
	"Nothing of the family ever reaches the kernel.\n"
	"\n"
	"  $ espalier-run charon-systemd\n"
	"  $ espalier-run ip xfrm state\n"
	"  $ espalier-run --family route ip route show\n"
	"  $ espalier-run ip netns exec outside charon-systemd\n"
	"\n"
	"Options:\n"
	"  -s, --socket PATH      the gateway's control socket\n"
	"                         (" ESPALIER_SOCKET_DEFAULT ")\n"
	"      --family FAMILY    xfrm: NETLINK_XFRM, SAs and policies (the default); route:\n"
	"                         NETLINK_ROUTE, routes and neighbours; all: both\n"
	"      --server-uid USER  trust a gateway that runs as this user, too; keys go to root\n"
	"                         and to the user who runs espalier-run\n"
	"  -h, --help             this text\n"
	"  -V, --version          the version of espalier-run\n"
	"\n"
	"Exit status: the program's, 128 + N if signal N ended it; 127 it is not found, 126 it\n"
	"cannot be carried (static, Go, setuid, file capabilities) or executed; 1 the gateway "
	"does\n"
	"not serve within 10 seconds; 2 the command line is wrong.\n";

struct options {
	struct server server;
	unsigned families; /* bits 1 << enum rendezvous_family */
	bool help, version;
};

static int PRINTF_LIKE(1, 2) usage_error(const char *format, ...)
{
	va_list values;

	va_start(values, format);
	fputs("espalier-run: ", stderr);
	vfprintf(stderr, format, values);
	fputs("\nTry: espalier-run --help\n", stderr);
	va_end(values);
	return EXIT_USAGE;
}

/* Bits, or 0: there is no such family. */
static unsigned
parse_families(const char *name)
{
	const unsigned xfrm = 1u << RENDEZVOUS_XFRM, route = 1u << RENDEZVOUS_ROUTE;

	if (strcmp(name, "xfrm") == 0)
		return xfrm;
	if (strcmp(name, "route") == 0)
		return route;
	return strcmp(name, "all") == 0 ? xfrm | route : 0;
}

static bool
parse_user(const char *name, uid_t *uid)
{
	const struct passwd *user = getpwnam(name);
	char *end;

	if (user != NULL) {
		*uid = user->pw_uid;
		return true;
	}
	errno = 0;
	unsigned long number = strtoul(name, &end, 10);
	*uid = (uid_t)number;
	return errno == 0 && end != name && *end == '\0' && number < UINT_MAX;
}

/* 0 or an exit status. Stops at the first word that is no option: that is the command. */
static int
parse(int argc, char **argv, struct options *options)
{
	enum { FAMILY = 256, SERVER_UID };
	static const struct option known[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "family", required_argument, NULL, FAMILY },
		{ "server-uid", required_argument, NULL, SERVER_UID },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "+s:hV", known, NULL)) != -1) {
		switch (option) {
		case 's':
			options->server.path = optarg;
			break;
		case FAMILY:
			options->families = parse_families(optarg);
			if (options->families == 0)
				return usage_error("--family is xfrm, route or all");
			break;
		case SERVER_UID:
			if (!parse_user(optarg, &options->server.uid))
				return usage_error("--server-uid: there is no user '%s'", optarg);
			break;
		case 'h':
			options->help = true;
			break;
		case 'V':
			options->version = true;
			break;
		default:
			return usage_error("that option is not known, or lacks its value");
		}
	}
	return 0;
}

/* The preload library stands beside us in the build tree, and in its own directory when installed.
 * 0, or -1 and said. */
static int
find_library(char path[PATH_MAX])
{
	ssize_t bytes = readlink("/proc/self/exe", path, PATH_MAX - sizeof(LIBRARY));
	char *slash;

	path[bytes < 0 ? 0 : bytes] = '\0';
	if ((slash = strrchr(path, '/')) != NULL) {
		strcpy(slash + 1, LIBRARY);
		if (access(path, R_OK) == 0)
			return 0;
	}
	snprintf(path, PATH_MAX, "%s/%s", ESPALIER_RUN_LIBRARY_DIRECTORY, LIBRARY);
	if (access(path, R_OK) == 0)
		return 0;
	log_error("%s is missing: %s", path, strerror(errno));
	return -1;
}

/* 0, or -1 and said. */
static int
export_library(void)
{
	const char *others = getenv("LD_PRELOAD");
	char path[PATH_MAX], list[2 * PATH_MAX];

	if (find_library(path) < 0)
		return -1;
	if (path[strcspn(path, " :")] != '\0') {
		log_error("%s: nothing can be preloaded from a path with a blank or a colon", path);
		return -1;
	}
	snprintf(list, sizeof(list), "%s%s%s", path, others != NULL ? ":" : "",
		others != NULL ? others : "");
	if (setenv("LD_PRELOAD", list, 1) == 0)
		return 0;
	log_error("cannot set LD_PRELOAD: %s", strerror(errno));
	return -1;
}

/* Everything between a broker that is connected and the exit status. */
static int
run(struct broker *broker, const struct child_command *command)
{
	struct child child = { .pid = -1 };

	if (child_prepare(&child) < 0 || broker_listen(broker) < 0 ||
		rendezvous_export(&broker->rendezvous) < 0 || child_start(&child, command) < 0)
		return EXIT_FAILED;
	/* Its last requests may still be on their way when it has ended. */
	while (!child.abandoned || !broker_idle(broker)) {
		broker_turn(broker, child.signal_fd);
		child_attend(&child);
	}
	return child.status;
}

int
main(int argc, char **argv)
{
	struct options options = {
		.server = { .path = ESPALIER_SOCKET_DEFAULT, .uid = 0 },
		.families = 1u << RENDEZVOUS_XFRM,
	};
	static struct program program;
	static struct broker broker;

	int status = parse(argc, argv, &options);
	if (status != 0)
		return status;
	if (options.help || options.version) {
		fputs(options.help ? help : "espalier-run " ESPALIER_VERSION "\n", stdout);
		return fflush(stdout) == 0 ? 0 : EXIT_FAILED;
	}
	if (optind == argc)
		return usage_error("a command is missing");

	log_init("espalier-run");
	prctl(PR_SET_DUMPABLE, 0); /* requests hold keys; the command's exec undoes it for itself */
	enum program_verdict verdict = program_find(&program, argv[optind]);
	if (verdict != PROGRAM_GOOD) {
		log_error("%s", program.refusal);
		return verdict == PROGRAM_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_REFUSED;
	}
	const struct child_command command = {
		.path = program.path,
		.arguments = argv + optind,
		.guarded = (options.families >> RENDEZVOUS_XFRM & 1) != 0,
	};
	broker_init(&broker, &options.server, options.families);
	status = EXIT_FAILED;
	if (export_library() == 0 && broker_wait(&broker, PATIENCE_MS) == 0)
		status = run(&broker, &command);
	broker_close(&broker);
	return status;
}
