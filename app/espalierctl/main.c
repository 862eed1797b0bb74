/* SPDX-License-Identifier: BSD-3-Clause */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "compiler.h"
#include "sizes.h"

struct command {
	const char *name;
	const char *synopsis;
	const char *summary;
	const char *help;
	const char *examples; /* one a line */
	int (*run)(const struct arguments *arguments);
	void (*more_help)(void);
};

static const struct command commands[] = {
	{
		.name = "show",
		.synopsis = "show WHAT [--nonzero]",
		.summary = "look at what the gateway has and does",
		.help = "Prints a table, or with -j one JSON document. Needs only the read-only\n"
			"socket. WHAT is one of:\n",
		.examples = "espalierctl show tunnels\n"
			    "espalierctl show drops --nonzero",
		.run = show_run,
		.more_help = show_help,
	},
	{
		.name = "explain",
		.synopsis = "explain --from IP --to IP [--proto P] [--sport N] [--dport N]",
		.summary = "tell which way a packet would take, or why it would be dropped",
		.help = "Asks the running gateway to look a packet up as its workers would: "
			"route,\n"
			"bucket of the hash, tunnel, SA. P is udp (the default), tcp, icmp, esp "
			"or\n"
			"a number; ports are 0 unless given.\n",
		.examples = "espalierctl explain --from 10.0.0.1 --to 192.168.1.7 --proto tcp "
			    "--sport 40000 --dport 443",
		.run = explain_run,
	},
	{
		.name = "check",
		.synopsis = "check FILE",
		.summary = "check a configuration file without a running gateway",
		.help = "Reports every error of the file, one FILE:LINE: line each. Exit status: "
			"0\n"
			"good, 1 it breaks rules, 2 it cannot be read or has a syntax error.\n",
		.examples = "espalierctl check /etc/espalier/espalier.conf",
		.run = check_run,
	},
	{
		.name = "resume",
		.synopsis = "resume",
		.summary = "let the workers poll after a start with --start-held",
		.help = "Does nothing when they poll already. Needs the read-write socket.\n",
		.examples = "espalierctl resume",
		.run = resume_run,
	},
	{
		.name = "tunnel",
		.synopsis = "tunnel NAME up|down",
		.summary = "take a tunnel out of service, or give it back",
		.help = "down: its share of every group moves to the other tunnels, whose own "
			"flows\n"
			"stay where they are. up: it takes back just that share. Needs the\n"
			"read-write socket.\n",
		.examples = "espalierctl tunnel conn1 down",
		.run = tunnel_run,
	},
};

int
usage_error(const char *format, ...)
{
	va_list args;

	fputs("espalierctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("\nTry: espalierctl --help\n", stderr);
	return EXIT_USAGE;
}

static void
print_examples(const char *examples, int indent)
{
	while (*examples != '\0') {
		size_t length = strcspn(examples, "\n");

		printf("%*s$ %.*s\n", indent, "", (int)length, examples);
		examples += length + (examples[length] == '\n');
	}
}

static void
print_help(void)
{
	printf("espalierctl - look into a running Espalier gateway, and steer it\n\n"
	       "Usage: espalierctl [-s SOCKET] [-j] SUBCOMMAND ...\n\n"
	       "Subcommands, each with an example:\n");
	for (unsigned i = 0; i < ARRAY_LEN(commands); i++) {
		printf("\n  %s\n      %s\n", commands[i].synopsis, commands[i].summary);
		print_examples(commands[i].examples, 6);
	}
	printf("\nOptions:\n"
	       "  -s, --socket PATH  the gateway's control socket (%s);\n"
	       "                     reading prefers the read-only one beside it\n"
	       "  -j, --json         print one JSON document\n"
	       "  -h, --help         this text; after a subcommand, more about that one\n"
	       "  -V, --version      the version of espalierctl\n\n"
	       "Exit status: 0 done, 1 refused or failed, 2 the command line is wrong.\n",
		ESPALIER_SOCKET_DEFAULT);
}

static void
print_command_help(const struct command *command)
{
	printf("espalierctl %s\n\n%s", command->synopsis, command->help);
	if (command->more_help != NULL)
		command->more_help();
	puts("\nFor example:");
	print_examples(command->examples, 2);
}

static const struct command *
find_command(const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* Reads all options, wherever they stand. 0, or -1 after a message. */
static int
parse(int argc, char **argv, struct arguments *arguments, bool *help, bool *version)
{
	enum { FROM = 256, TO, PROTOCOL, SPORT, DPORT, NONZERO };
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ "from", required_argument, NULL, FROM },
		{ "to", required_argument, NULL, TO },
		{ "proto", required_argument, NULL, PROTOCOL },
		{ "sport", required_argument, NULL, SPORT },
		{ "dport", required_argument, NULL, DPORT },
		{ "nonzero", no_argument, NULL, NONZERO },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "s:jhV", options, NULL)) != -1) {
		switch (option) {
		case 's':
			arguments->socket = optarg;
			break;
		case 'j':
			arguments->json = true;
			break;
		case 'h':
			*help = true;
			break;
		case 'V':
			*version = true;
			break;
		case FROM:
			arguments->from = optarg;
			break;
		case TO:
			arguments->to = optarg;
			break;
		case PROTOCOL:
			arguments->protocol = optarg;
			break;
		case SPORT:
			arguments->sport = optarg;
			break;
		case DPORT:
			arguments->dport = optarg;
			break;
		case NONZERO:
			arguments->nonzero = true;
			break;
		default:
			return -1;
		}
	}
	return 0;
}

static bool
has_flow_options(const struct arguments *arguments)
{
	return arguments->from != NULL || arguments->to != NULL || arguments->protocol != NULL ||
		arguments->sport != NULL || arguments->dport != NULL;
}

/* Does what the command line says; an exit status. */
static int
run(int argc, char **argv)
{
	struct arguments arguments = { .socket = ESPALIER_SOCKET_DEFAULT };
	bool help = false, version = false;

	if (parse(argc, argv, &arguments, &help, &version) < 0)
		return usage_error("that option is not known, or lacks its value");
	if (version) {
		printf("espalierctl %s\n", ESPALIER_VERSION);
		return EXIT_GOOD;
	}
	if (optind == argc) {
		if (!help)
			return usage_error("a subcommand is missing");
		print_help();
		return EXIT_GOOD;
	}
	const struct command *command = find_command(argv[optind]);
	if (command == NULL)
		return usage_error("there is no subcommand '%s'", argv[optind]);
	if (help) {
		print_command_help(command);
		return EXIT_GOOD;
	}
	if (command->run != explain_run && has_flow_options(&arguments))
		return usage_error("--from, --to, --proto, --sport and --dport belong to explain");
	if (command->run != show_run && arguments.nonzero)
		return usage_error("--nonzero belongs to show drops");
	arguments.operands = argv + optind + 1;
	arguments.n_operands = argc - optind - 1;
	return command->run(&arguments);
}

int
main(int argc, char **argv)
{
	int status = run(argc, argv);

	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("espalierctl: cannot write the answer");
		return EXIT_REFUSED;
	}
	return status;
}
