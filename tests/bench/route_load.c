/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Loads, replaces and deletes routes of Internet-like lengths through the control socket, as fast
 * as the gateway takes them, and says how fast that was: one line of JSON for each order. Lean, so
 * that the gateway is what is measured: its messages are made before the clock starts.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <linux/rtnetlink.h>

#include "netlink.h"
#include "prefix.h"
#include "protocol.h"
#include "sizes.h"
#include "route_prefixes.h"

#define DATAGRAM_BYTES 32768
#define WAYS_MAX 16
#define WINDOW 4 /* datagrams under way */

static const char usage[] =
	"usage: espalier-route-load [options] ORDER...\n"
	"  ORDER is load, same (say it again), replace (each goes another way), or delete\n"
	"  -s, --socket PATH   control socket (" ESPALIER_SOCKET_DEFAULT ")\n"
	"  -n, --routes N      how many (1000000)\n"
	"  -i, --ways LIST     interface indexes, 1001,1002,...: routes go all these ways (1001)\n"
	"      --one           each route goes one of the ways, in turn\n"
	"  -b, --batch BYTES   of a datagram, up to 32768 (32768)\n"
	"      --seed N        of the prefixes (1)\n"
	"      --long PERCENT  of the routes are longer than /24 (0)\n";

struct options {
	const char *socket;
	uint32_t routes;
	uint32_t ways[WAYS_MAX];
	unsigned n_ways;
	bool one;
	size_t batch;
	uint64_t seed;
	unsigned percent_long;
};

/* A datagram that waits to be sent. */
struct datagram {
	size_t bytes;
	_Alignas(4) uint8_t data[];
};

struct script {
	struct datagram **datagrams;
	size_t n, room;
};

static void
die(const char *what)
{
	fprintf(stderr, "espalier-route-load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *
must(void *memory)
{
	if (memory == NULL)
		die("memory");
	return memory;
}

/* --- messages --- */

static void
put_ways(struct netlink_writer *writer, const struct options *options, uint32_t turn)
{
	struct rtnexthop hops[WAYS_MAX];
	unsigned n = options->one ? 1 : options->n_ways;

	if (n == 1) {
		netlink_put_u32(writer, RTA_OIF, options->ways[turn % options->n_ways]);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		hops[i] = (struct rtnexthop) {
			.rtnh_len = sizeof(hops[0]),
			.rtnh_ifindex = (int)options->ways[i],
			/* The first has more weight at every other turn. */
			.rtnh_hops = i == 0 ? (uint8_t)(turn % 2) : 0,
		};
	netlink_put_attribute(writer, RTA_MULTIPATH, hops, (uint16_t)(n * sizeof(hops[0])));
}

static bool
put_route(struct netlink_writer *writer, uint16_t type, struct prefix prefix,
	const struct options *options, uint32_t turn)
{
	const struct rtmsg header = {
		.rtm_family = AF_INET,
		.rtm_dst_len = prefix.bits,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BGP,
		.rtm_type = RTN_UNICAST,
	};
	uint16_t flags = type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_REPLACE : 0;

	netlink_begin(writer, type, NLM_F_REQUEST | flags, 1, 0);
	netlink_put(writer, &header, sizeof(header));
	netlink_put_u32(writer, RTA_DST, htonl(prefix.address));
	if (type == RTM_NEWROUTE)
		put_ways(writer, options, turn);
	return netlink_commit(writer) == 0;
}

static void
keep(struct script *script, const uint8_t *buffer, size_t bytes, size_t last)
{
	struct datagram *datagram = must(malloc(sizeof(*datagram) + bytes));
	struct nlmsghdr header;

	datagram->bytes = bytes;
	memcpy(datagram->data, buffer, bytes);
	/* One answer a datagram: the last message asks for it. */
	memcpy(&header, datagram->data + last, sizeof(header));
	header.nlmsg_flags |= NLM_F_ACK;
	memcpy(datagram->data + last, &header, sizeof(header));
	if (script->n == script->room) {
		script->room = script->room * 2 + 64;
		script->datagrams = must(
			realloc(script->datagrams, script->room * sizeof(script->datagrams[0])));
	}
	script->datagrams[script->n++] = datagram;
}

static struct script
write_script(
	const struct options *options, const struct prefix *prefixes, uint16_t type, uint32_t turn)
{
	static _Alignas(4) uint8_t buffer[DATAGRAM_BYTES];
	struct script script = { 0 };
	struct netlink_writer writer;
	size_t last = 0;

	netlink_writer_init(&writer, buffer, options->batch);
	for (uint32_t n = 0; n < options->routes;) {
		size_t at = writer.used;

		if (put_route(&writer, type, prefixes[n], options, turn + (options->one ? n : 0))) {
			last = at;
			n++;
			continue;
		}
		keep(&script, buffer, writer.used, last);
		netlink_writer_init(&writer, buffer, options->batch);
	}
	if (writer.used > 0)
		keep(&script, buffer, writer.used, last);
	return script;
}

/* --- talking --- */

/* Reads one answer: the ack of a datagram, or a refusal, which ends the program. */
static void
await(int fd)
{
	static _Alignas(4) uint8_t buffer[DATAGRAM_BYTES];
	ssize_t bytes = recv(fd, buffer, sizeof(buffer), 0);
	struct netlink_span datagram = { buffer, (size_t)bytes };
	struct netlink_message message;
	struct netlink_refusal why;

	if (bytes <= 0)
		die("the gateway hung up");
	if (netlink_next_message(&datagram, &message, &why) <= 0 || message.type != NLMSG_ERROR) {
		errno = EBADMSG;
		die("an answer that is none");
	}
	errno = netlink_status(&message, &why);
	if (errno != 0) {
		fprintf(stderr, "espalier-route-load: refused: %s\n", why.text);
		exit(1);
	}
}

static int
dial(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct espalier_hello hello = { ESPALIER_PROTOCOL_VERSION, ESPALIER_FAMILY_ROUTE };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0), room = 1 << 20;
	uint32_t buffer[16];
	struct netlink_writer writer;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(path);
	netlink_writer_init(&writer, buffer, sizeof(buffer));
	netlink_begin(&writer, ESPALIER_HELLO, NLM_F_REQUEST | NLM_F_ACK, 1, 0);
	netlink_put(&writer, &hello, sizeof(hello));
	netlink_commit(&writer);
	if (send(fd, writer.buffer, writer.used, MSG_NOSIGNAL) < 0)
		die("hello");
	await(fd);
	return fd;
}

/* Sends all, a few datagrams ahead of the answers; the seconds it took until the last answer. */
static double
play(int fd, const struct script *script)
{
	struct timespec from, to;
	size_t answered = 0;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (size_t n = 0; n < script->n; n++) {
		if (n - answered == WINDOW) {
			await(fd);
			answered++;
		}
		if (send(fd, script->datagrams[n]->data, script->datagrams[n]->bytes,
			    MSG_NOSIGNAL) < 0)
			die("send");
	}
	for (; answered < script->n; answered++)
		await(fd);
	clock_gettime(CLOCK_MONOTONIC, &to);
	return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

static void
carry_out(int fd, const struct options *options, const struct prefix *prefixes, const char *order)
{
	static uint32_t turn;
	bool deletes = strcmp(order, "delete") == 0;

	if (strcmp(order, "replace") == 0)
		turn++;
	struct script script =
		write_script(options, prefixes, deletes ? RTM_DELROUTE : RTM_NEWROUTE, turn);
	double seconds = play(fd, &script);
	printf("{\"order\": \"%s\", \"routes\": %u, \"datagrams\": %zu, \"seconds\": %.3f, "
	       "\"routes_per_second\": %.0f}\n",
		order, options->routes, script.n, seconds, options->routes / seconds);
	fflush(stdout);
	for (size_t n = 0; n < script.n; n++)
		free(script.datagrams[n]);
	free(script.datagrams);
}

/* --- the command line --- */

static void
misuse(const char *what)
{
	fprintf(stderr, "espalier-route-load: %s\n%s", what, usage);
	exit(2);
}

static uint64_t
number(const char *text, uint64_t least, uint64_t most)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	if (*text == '\0' || *end != '\0' || value < least || value > most)
		misuse("a number is out of range");
	return value;
}

static void
read_ways(struct options *options, char *list)
{
	char *rest = NULL;

	options->n_ways = 0;
	for (char *way = strtok_r(list, ",", &rest); way != NULL;
		way = strtok_r(NULL, ",", &rest)) {
		if (options->n_ways == WAYS_MAX)
			misuse("too many ways");
		options->ways[options->n_ways++] = (uint32_t)number(way, 1, INT32_MAX);
	}
	if (options->n_ways == 0)
		misuse("no ways");
}

static void
read_options(struct options *options, int argc, char *argv[])
{
	enum { ONE = 256, SEED, LONG };
	static const struct option names[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "routes", required_argument, NULL, 'n' },
		{ "ways", required_argument, NULL, 'i' },
		{ "one", no_argument, NULL, ONE },
		{ "batch", required_argument, NULL, 'b' },
		{ "seed", required_argument, NULL, SEED },
		{ "long", required_argument, NULL, LONG },
		{ 0 },
	};

	for (int option; (option = getopt_long(argc, argv, "s:n:i:b:", names, NULL)) != -1;) {
		switch (option) {
		case 's':
			options->socket = optarg;
			break;
		case 'n':
			options->routes = (uint32_t)number(optarg, 1, 4000000);
			break;
		case 'i':
			read_ways(options, optarg);
			break;
		case ONE:
			options->one = true;
			break;
		case 'b':
			options->batch = number(optarg, 512, DATAGRAM_BYTES);
			break;
		case SEED:
			options->seed = number(optarg, 0, UINT64_MAX);
			break;
		case LONG:
			options->percent_long = (unsigned)number(optarg, 0, 100);
			break;
		default:
			misuse("what is meant?");
		}
	}
}

int
main(int argc, char *argv[])
{
	static const char *const orders[] = { "load", "same", "replace", "delete" };
	struct options options = {
		.socket = ESPALIER_SOCKET_DEFAULT,
		.routes = 1000000,
		.ways = { 1001 },
		.n_ways = 1,
		.batch = DATAGRAM_BYTES,
		.seed = 1,
	};

	read_options(&options, argc, argv);
	if (optind == argc)
		misuse("no order");
	for (int at = optind; at < argc; at++) {
		unsigned known = 0;

		for (unsigned i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
			known += strcmp(argv[at], orders[i]) == 0;
		if (known == 0)
			misuse("an order is unknown");
	}
	struct prefix *prefixes =
		must(route_prefixes_make(options.routes, options.seed, options.percent_long));
	int fd = dial(options.socket);
	for (int at = optind; at < argc; at++)
		carry_out(fd, &options, prefixes, argv[at]);
	close(fd);
	free(prefixes);
	return 0;
}
