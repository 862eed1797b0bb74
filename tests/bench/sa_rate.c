/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How fast SAs come, change, are listed and go through the control socket: a client that has its
 * messages ready, several in a datagram, and asks for the ack of the last one only. Refusals are
 * answered in any case.
 *
 *     espalier-sa-rate SOCKET SAS [PER_DATAGRAM [AHEAD]]
 *
 * Half of the SAs are inbound ones of the tunnel with if_id 1 (LOCAL and REMOTE below), half are
 * outbound ones of it, as in the network of tests/functional/topology.py. Prints one JSON object.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/xfrm.h>

#include "netlink.h"
#include "protocol.h"

#define LOCAL "203.0.113.191"
#define REMOTE "192.0.2.1"
#define IF_ID 1
#define FIRST_SPI 0x40000000u
#define DATAGRAM_BYTES 8192 /* the longest that family XFRM takes */
#define ALGORITHM_BYTES 128

static struct {
	int fd;
	unsigned per_datagram, ahead;
	uint32_t sequence;
} self;

static void
die(const char *what)
{
	fprintf(stderr, "espalier-sa-rate: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- messages --- */

static void
put_algorithm(struct netlink_writer *writer, uint16_t type, const char *name, unsigned key_bits)
{
	uint8_t bytes[ALGORITHM_BYTES] = { 0 };
	struct xfrm_algo head = { .alg_key_len = key_bits };

	snprintf(head.alg_name, sizeof(head.alg_name), "%s", name);
	memcpy(bytes, &head, sizeof(head));
	memset(bytes + sizeof(head), 0x5a, key_bits / 8);
	/* A key of its own for each SA. */
	memcpy(bytes + sizeof(head), &self.sequence, sizeof(self.sequence));
	netlink_put_attribute(writer, type, bytes, (uint16_t)(sizeof(head) + key_bits / 8));
}

static void
put_sa(struct netlink_writer *writer, unsigned n, unsigned outbound)
{
	struct xfrm_usersa_info info = {
		.id = { .spi = htonl(FIRST_SPI + n), .proto = IPPROTO_ESP },
		.lft = { XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF },
		.reqid = 1,
		.family = AF_INET,
		.mode = XFRM_MODE_TUNNEL,
		.replay_window = outbound ? 0 : 32,
	};

	inet_pton(AF_INET, outbound ? REMOTE : LOCAL, &info.id.daddr.a4);
	inet_pton(AF_INET, outbound ? LOCAL : REMOTE, &info.saddr.a4);
	netlink_put(writer, &info, sizeof(info));
	put_algorithm(writer, XFRMA_ALG_CRYPT, "aes", 128);
	put_algorithm(writer, XFRMA_ALG_AUTH, "sha1", 160);
	netlink_put_u32(writer, XFRMA_IF_ID, IF_ID);
}

static void
put_id(struct netlink_writer *writer, unsigned n, unsigned outbound)
{
	struct xfrm_usersa_id id = {
		.spi = htonl(FIRST_SPI + n), .family = AF_INET, .proto = IPPROTO_ESP
	};

	inet_pton(AF_INET, outbound ? REMOTE : LOCAL, &id.daddr.a4);
	netlink_put(writer, &id, sizeof(id));
}

/* --- the socket --- */

static void
send_all(const struct netlink_writer *writer)
{
	if (send(self.fd, writer->buffer, writer->used, 0) != (ssize_t)writer->used)
		die("send");
}

/* Takes one datagram; counts its messages of that type. True: the end of a listing is in it. */
static bool
receive(uint16_t type, unsigned *count)
{
	_Alignas(4) uint8_t buffer[1 << 16];
	ssize_t bytes = recv(self.fd, buffer, sizeof(buffer), 0);
	struct netlink_span span = { buffer, bytes > 0 ? (size_t)bytes : 0 };
	struct netlink_message message;
	struct netlink_refusal why;
	bool over = false;

	if (bytes <= 0)
		die("receive");
	while (netlink_next_message(&span, &message, &why) > 0) {
		*count += message.type == type;
		over |= message.type == NLMSG_DONE;
		if (message.type != NLMSG_ERROR && message.type != NLMSG_DONE)
			continue;
		errno = netlink_status(&message, &why);
		if (errno != 0)
			die(why.text);
	}
	return over;
}

static void
hello(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct espalier_hello hello = { ESPALIER_PROTOCOL_VERSION, ESPALIER_FAMILY_XFRM };
	uint32_t buffer[16];
	struct netlink_writer writer;
	unsigned acks = 0;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	self.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (self.fd < 0 || connect(self.fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(path);
	netlink_writer_init(&writer, buffer, sizeof(buffer));
	netlink_begin(&writer, ESPALIER_HELLO, NLM_F_REQUEST | NLM_F_ACK, 1, 0);
	netlink_put(&writer, &hello, sizeof(hello));
	netlink_commit(&writer);
	send_all(&writer);
	receive(NLMSG_ERROR, &acks);
}

/* --- the work --- */

typedef void (*put_fn)(struct netlink_writer *writer, unsigned n, unsigned outbound);

/* One request for each SA; the seconds that they took. */
static double
pour(uint16_t type, put_fn put, unsigned sas)
{
	_Alignas(4) static uint8_t buffer[DATAGRAM_BYTES];
	double begun = now_s();
	unsigned sent = 0, acked = 0;

	for (unsigned n = 0; n < sas;) {
		unsigned end = n + self.per_datagram < sas ? n + self.per_datagram : sas;
		struct netlink_writer writer;

		netlink_writer_init(&writer, buffer, sizeof(buffer));
		for (; n < end; n++) {
			uint16_t flags = NLM_F_REQUEST | (n + 1 == end ? NLM_F_ACK : 0);

			netlink_begin(&writer, type, flags, ++self.sequence, 0);
			put(&writer, n, n % 2);
			if (netlink_commit(&writer) < 0) {
				errno = EMSGSIZE;
				die("so many do not fit into a datagram");
			}
		}
		send_all(&writer);
		sent++;
		while (sent - acked >= self.ahead)
			receive(NLMSG_ERROR, &acked);
	}
	while (acked < sent)
		receive(NLMSG_ERROR, &acked);
	return now_s() - begun;
}

static double
list(unsigned *rows)
{
	uint32_t buffer[16];
	struct netlink_writer writer;
	double begun = now_s();

	netlink_writer_init(&writer, buffer, sizeof(buffer));
	netlink_begin(&writer, XFRM_MSG_GETSA, NLM_F_REQUEST | NLM_F_DUMP, ++self.sequence, 0);
	netlink_commit(&writer);
	send_all(&writer);
	*rows = 0;
	while (!receive(XFRM_MSG_NEWSA, rows))
		continue;
	return now_s() - begun;
}

int
main(int argc, char **argv)
{
	unsigned sas = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	unsigned rows;

	self.per_datagram = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 16;
	self.ahead = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 8;
	if (sas == 0 || self.per_datagram == 0 || self.ahead == 0) {
		fprintf(stderr, "usage: espalier-sa-rate SOCKET SAS [PER_DATAGRAM [AHEAD]]\n");
		return 2;
	}
	hello(argv[1]);
	double added = pour(XFRM_MSG_NEWSA, put_sa, sas);
	double updated = pour(XFRM_MSG_UPDSA, put_sa, sas);
	double listed = list(&rows);
	double deleted = pour(XFRM_MSG_DELSA, put_id, sas);
	printf("{\"sas\": %u, \"per_datagram\": %u, \"ahead\": %u, \"added_per_s\": %.0f, "
	       "\"updated_per_s\": %.0f, \"listed\": %u, \"list_s\": %.4f, \"deleted_per_s\": "
	       "%.0f}\n",
		sas, self.per_datagram, self.ahead, sas / added, sas / updated, rows, listed,
		sas / deleted);
	close(self.fd);
	return 0;
}
