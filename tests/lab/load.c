/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * espalier-load: thousands of UDP flows at a steady pace, and an exact account of what became of
 * each packet.
 *
 * espalier-load ADDRESS RATE ROUNDS
 *
 * One runs at either end; each sends and receives. From stdin comes a line for each flow, "ID
 * NEAR-PORT FAR-ADDRESS FAR-PORT", then an empty line; it answers "ready". Then commands: "go"
 * sends RATE packets a second, one of each flow in turn, ROUNDS times, and answers "around" when
 * each has had its turn; "stop" ends that early; "end" prints what was sent and what arrived, and
 * ends the program. A packet has its flow's number, its own, and the time it left; CLOCK_MONOTONIC
 * is the same in all namespaces, so both ends agree on it. DSCP tells the way it took: the lab's
 * routers mark it.
 */

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAGIC 0x45535041u
#define MAX_FLOWS 16384u
#define PORTS 65536u
#define SOCKET_BYTES (8 << 20)
#define BURST \
	32u /* a late sender slips rather than send more than this at once: no queue of the kernel \
	       may overflow by our doing */
#define EVENTS 64
#define SECOND_NS 1000000000ull

struct packet {
	uint32_t magic;
	uint32_t flow;
	uint64_t number;
	uint64_t sent_ns;
	uint8_t rest[40];
};

struct arrival {
	uint64_t sent_ns; /* 0: it has not arrived */
	uint8_t mark;
};

struct flow {
	uint32_t id;
	int socket;
	struct sockaddr_in far;
	uint64_t sent, received, duplicate, late;
	uint64_t next;            /* one more than the highest number that arrived */
	struct arrival *arrivals; /* ROUNDS of them */
};

struct load {
	struct in_addr address;
	uint64_t rate, rounds;
	struct flow *flows;
	uint32_t count;
	uint32_t by_id[MAX_FLOWS]; /* index of the flow and one; 0: none of ours */
	int sockets[PORTS];        /* by local port; 0: none */
	int poll;
	uint64_t began_ns, sent, failed;
	bool around; /* each flow has sent its first packet */
	bool sending, ended;
};

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static void
watch(const struct load *load, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(load->poll, EPOLL_CTL_ADD, fd, &event))
		err(1, "epoll_ctl");
}

static int
open_port(struct load *load, uint16_t port)
{
	struct sockaddr_in near = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = load->address
	};
	const int on = 1, bytes = SOCKET_BYTES;
	int fd = load->sockets[port];

	if (fd)
		return fd;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (fd < 0)
		err(1, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
		setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) ||
		setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on)))
		err(1, "setsockopt");
	if (bind(fd, (struct sockaddr *)&near, sizeof(near)))
		err(1, "port %u", port);
	watch(load, fd);
	return load->sockets[port] = fd;
}

static void
add_flow(struct load *load, const char *line)
{
	struct flow *flow = &load->flows[load->count];
	char address[INET_ADDRSTRLEN];
	unsigned int id;
	uint16_t near, far;

	if (sscanf(line, "%u %" SCNu16 " %15s %" SCNu16, &id, &near, address, &far) != 4 ||
		id >= MAX_FLOWS || load->by_id[id])
		errx(1, "no flow, or one told twice: %s", line);
	flow->id = id;
	flow->far = (struct sockaddr_in) { .sin_family = AF_INET, .sin_port = htons(far) };
	if (inet_pton(AF_INET, address, &flow->far.sin_addr) != 1)
		errx(1, "no address: %s", address);
	flow->socket = open_port(load, near);
	flow->arrivals = calloc(load->rounds, sizeof(*flow->arrivals));
	if (!flow->arrivals)
		err(1, "calloc");
	load->by_id[id] = ++load->count;
}

static void
read_flows(struct load *load)
{
	char line[128];

	while (fgets(line, sizeof(line), stdin) && line[0] != '\n') {
		if (load->count == MAX_FLOWS)
			errx(1, "more than %u flows", MAX_FLOWS);
		add_flow(load, line);
	}
	if (!load->count)
		errx(1, "no flows");
}

static void
say(const char *word)
{
	puts(word);
	fflush(stdout);
}

/* Sends what is due by now. */
static void
send_due(struct load *load)
{
	const uint64_t now = now_ns();
	uint64_t due = (now - load->began_ns) * load->rate / SECOND_NS;

	if (due > load->sent + BURST) {
		load->began_ns = now - (load->sent + BURST) * SECOND_NS / load->rate;
		due = load->sent + BURST;
	}
	for (; load->sent < due; load->sent++) {
		struct flow *flow = &load->flows[load->sent % load->count];
		struct packet packet = { .magic = MAGIC, .flow = flow->id, .number = flow->sent };

		if (load->sent / load->count == load->rounds) {
			load->sending = false;
			break;
		}
		packet.sent_ns = now_ns();
		if (sendto(flow->socket, &packet, sizeof(packet), 0, (struct sockaddr *)&flow->far,
			    sizeof(flow->far)) == sizeof(packet))
			flow->sent++;
		else
			load->failed++; /* it never left this host */
	}
	if (!load->around && load->sent >= load->count) {
		load->around = true;
		say("around");
	}
}

static uint8_t
mark_of(struct msghdr *message)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part))
		if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_TOS)
			return *CMSG_DATA(part) >> 2;
	return 0;
}

static void
take(struct load *load, const struct packet *packet, uint8_t mark)
{
	struct flow *flow;
	struct arrival *arrival;

	if (packet->magic != MAGIC || packet->flow >= MAX_FLOWS || !load->by_id[packet->flow] ||
		packet->number >= load->rounds)
		return; /* of another run */
	flow = &load->flows[load->by_id[packet->flow] - 1];
	arrival = &flow->arrivals[packet->number];
	if (arrival->sent_ns) {
		flow->duplicate++;
		return;
	}
	*arrival = (struct arrival) { .sent_ns = packet->sent_ns, .mark = mark };
	flow->received++;
	if (packet->number < flow->next)
		flow->late++;
	else
		flow->next = packet->number + 1;
}

static void
receive(struct load *load, int fd)
{
	for (;;) {
		struct packet packet;
		char control[CMSG_SPACE(sizeof(int))];
		struct iovec part = { .iov_base = &packet, .iov_len = sizeof(packet) };
		struct msghdr message = { .msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control) };
		const ssize_t bytes = recvmsg(fd, &message, 0);

		if (bytes < 0)
			return;
		if (bytes == sizeof(packet))
			take(load, &packet, mark_of(&message));
	}
}

static void
obey(struct load *load)
{
	char words[64];
	const ssize_t bytes = read(STDIN_FILENO, words, sizeof(words) - 1);

	if (bytes < 0 && errno == EAGAIN)
		return;
	words[bytes > 0 ? bytes : 0] = 0;
	if (bytes <= 0 || strstr(words, "end\n"))
		load->ended = true;
	else if (strstr(words, "stop\n"))
		load->sending = false;
	else if (strstr(words, "go\n")) {
		load->began_ns = now_ns();
		load->sending = true;
	}
}

static void
run(struct load *load)
{
	struct epoll_event events[EVENTS];

	while (!load->ended) {
		const int count = epoll_wait(load->poll, events, EVENTS, load->sending ? 1 : -1);

		for (int i = 0; i < count; i++) {
			if (events[i].data.fd == STDIN_FILENO)
				obey(load);
			else
				receive(load, events[i].data.fd);
		}
		if (load->sending)
			send_due(load);
	}
}

/* flow ID SENT RECEIVED NEXT DUPLICATE LATE, then what was remarkable about its packets, in the
 * order in which they were sent: path MARK SENT-NS where it began to come by another way; gap
 * PACKETS BEFORE-NS AFTER-NS for what is missing between two that came. */
static void
tell(const struct flow *flow)
{
	uint64_t last_ns = 0, missing = 0;
	int mark = -1;

	printf("flow %u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", flow->id,
		flow->sent, flow->received, flow->next, flow->duplicate, flow->late);
	for (uint64_t number = 0; number < flow->next; number++) {
		const struct arrival *arrival = &flow->arrivals[number];

		if (!arrival->sent_ns) {
			missing++;
			continue;
		}
		if (missing)
			printf("gap %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", missing,
				last_ns ? last_ns : arrival->sent_ns, arrival->sent_ns);
		if (arrival->mark != mark)
			printf("path %u %" PRIu64 "\n", arrival->mark, arrival->sent_ns);
		mark = arrival->mark;
		last_ns = arrival->sent_ns;
		missing = 0;
	}
}

static uint64_t
number_or_die(const char *word)
{
	char *end;
	const uint64_t number = strtoull(word, &end, 10);

	if (*end || !number || number > UINT32_MAX)
		errx(2, "no positive number: %s", word);
	return number;
}

int
main(int argc, char **argv)
{
	static struct load load;
	struct rlimit files = { .rlim_cur = MAX_FLOWS + 64, .rlim_max = MAX_FLOWS + 64 };

	if (argc != 4 || inet_pton(AF_INET, argv[1], &load.address) != 1)
		errx(2, "usage: espalier-load ADDRESS RATE ROUNDS");
	load.rate = number_or_die(argv[2]);
	load.rounds = number_or_die(argv[3]);
	if (setrlimit(RLIMIT_NOFILE, &files))
		err(1, "setrlimit");
	load.flows = calloc(MAX_FLOWS, sizeof(*load.flows));
	load.poll = epoll_create1(0);
	if (!load.flows || load.poll < 0)
		err(1, "start");
	setvbuf(stdin, NULL, _IONBF, 0); /* what follows the flows is for read() */
	read_flows(&load);
	fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	watch(&load, STDIN_FILENO);
	say("ready");
	run(&load);
	printf("failed %" PRIu64 "\n", load.failed);
	for (uint32_t i = 0; i < load.count; i++)
		tell(&load.flows[i]);
	return 0;
}
