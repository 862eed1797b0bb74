/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * espalier-pace: sends frames through a system at a steady rate and tells how long they took. Two
 * ports: out of the first, back by the second. It knows nothing of what the system does to them, so
 * that testpmd and a gateway are measured alike: what comes back first is what was sent first,
 * which holds where nothing is lost (it counts) and order is kept.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#define TX_PORT 0
#define RX_PORT 1
#define DESCRIPTORS 1024
#define BUFFERS 8191
#define FRAMES_MAX 65536
#define FRAME_BYTES_MAX 1600
#define BURST 32
#define ON_THE_WAY_MAX (1u << 16) /* a power of two */
#define LINK_SECONDS 10
#define QUIET_MS 10     /* without a packet: none is on its way any more */
#define WARM_UP_SHARE 5 /* the first fifth is not counted */

struct frame {
	uint16_t bytes;
	uint8_t data[FRAME_BYTES_MAX];
};

struct pace {
	const char *path;
	double rate; /* packets per second */
	double seconds;
	struct rte_mempool *pool;
	struct frame *frames;
	unsigned frames_n;
	uint64_t sent, received;
	uint64_t sent_at[ON_THE_WAY_MAX]; /* cycles, by number */
	uint32_t *took;                   /* cycles, by number */
	uint64_t took_n;
};

static bool
parse(struct pace *pace, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "frames", required_argument, NULL, 'f' },
		{ "rate", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 's' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (option == 'f')
			pace->path = optarg;
		else if (option == 'r')
			pace->rate = strtod(optarg, NULL);
		else if (option == 's')
			pace->seconds = strtod(optarg, NULL);
		else
			return false;
	}
	if (pace->path == NULL || pace->rate < 1 || pace->rate > 1e8 || pace->seconds <= 0 ||
		pace->rate * pace->seconds > 1e9) {
		fprintf(stderr,
			"usage: espalier-pace [EAL options] -- --frames FILE.pcap "
			"--rate PACKETS-PER-SECOND --seconds S\n");
		return false;
	}
	return true;
}

/* Of a pcap file as scripts/bench writes it. */
static bool
read_frames(struct pace *pace)
{
	FILE *file = fopen(pace->path, "rb");
	uint32_t header[6], record[4];

	if (file == NULL || fread(header, sizeof(header), 1, file) != 1) {
		fprintf(stderr, "espalier-pace: cannot read %s\n", pace->path);
		if (file != NULL)
			fclose(file);
		return false;
	}
	pace->frames = calloc(FRAMES_MAX, sizeof(*pace->frames));
	while (pace->frames_n < FRAMES_MAX && fread(record, sizeof(record), 1, file) == 1) {
		struct frame *frame = &pace->frames[pace->frames_n];

		if (record[2] > FRAME_BYTES_MAX || fread(frame->data, record[2], 1, file) != 1)
			break;
		frame->bytes = (uint16_t)record[2];
		pace->frames_n++;
	}
	fclose(file);
	if (pace->frames_n == 0)
		fprintf(stderr, "espalier-pace: %s holds no frames\n", pace->path);
	return pace->frames_n > 0;
}

static bool
open_ports(struct pace *pace)
{
	struct rte_eth_conf conf = { 0 };

	pace->pool = rte_pktmbuf_pool_create(
		"frames", BUFFERS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pace->pool == NULL || rte_eth_dev_count_avail() != 2) {
		fprintf(stderr, "espalier-pace: it takes two ports and memory for %d buffers\n",
			BUFFERS);
		return false;
	}
	for (uint16_t port = TX_PORT; port <= RX_PORT; port++) {
		if (rte_eth_dev_configure(port, 1, 1, &conf) != 0 ||
			rte_eth_rx_queue_setup(
				port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL, pace->pool) != 0 ||
			rte_eth_tx_queue_setup(port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL) != 0 ||
			rte_eth_dev_start(port) != 0) {
			fprintf(stderr, "espalier-pace: port %u does not start\n", port);
			return false;
		}
	}
	return true;
}

static bool
wait_for_links(void)
{
	for (unsigned i = 0; i < LINK_SECONDS * 1000; i++) {
		struct rte_eth_link link[2];

		rte_eth_link_get_nowait(TX_PORT, &link[0]);
		rte_eth_link_get_nowait(RX_PORT, &link[1]);
		if (link[0].link_status && link[1].link_status)
			return true;
		rte_delay_us_sleep(1000);
	}
	fprintf(stderr, "espalier-pace: no link after %d s\n", LINK_SECONDS);
	return false;
}

/* Sends the next `n` packets; false when there is no room for them. */
static bool
send_some(struct pace *pace, unsigned n)
{
	struct rte_mbuf *pkts[BURST];

	if (pace->sent - pace->received + n > ON_THE_WAY_MAX ||
		rte_pktmbuf_alloc_bulk(pace->pool, pkts, n) != 0)
		return false;
	for (unsigned i = 0; i < n; i++) {
		const struct frame *frame = &pace->frames[(pace->sent + i) % pace->frames_n];

		memcpy(rte_pktmbuf_append(pkts[i], frame->bytes), frame->data, frame->bytes);
	}
	uint64_t now = rte_rdtsc();
	unsigned taken = rte_eth_tx_burst(TX_PORT, 0, pkts, (uint16_t)n);

	for (unsigned i = 0; i < taken; i++)
		pace->sent_at[pace->sent++ % ON_THE_WAY_MAX] = now;
	rte_pktmbuf_free_bulk(pkts + taken, n - taken);
	return taken == n;
}

static void
receive_some(struct pace *pace, uint64_t counted_from)
{
	struct rte_mbuf *pkts[BURST];
	unsigned n = rte_eth_rx_burst(RX_PORT, 0, pkts, BURST);
	uint64_t now = rte_rdtsc();

	for (unsigned i = 0; i < n && pace->received < pace->sent; i++) {
		uint64_t at = pace->sent_at[pace->received++ % ON_THE_WAY_MAX];

		if (at >= counted_from)
			pace->took[pace->took_n++] = (uint32_t)RTE_MIN(now - at, UINT32_MAX);
	}
	rte_pktmbuf_free_bulk(pkts, n);
}

/* Receives until nothing comes any more. */
static void
drain(struct pace *pace)
{
	uint64_t quiet = rte_get_tsc_hz() / 1000 * QUIET_MS, until = rte_rdtsc() + quiet;

	for (uint64_t before = pace->received; rte_rdtsc() < until;) {
		receive_some(pace, UINT64_MAX);
		if (pace->received != before)
			until = rte_rdtsc() + quiet;
		before = pace->received;
	}
}

/* A link is up at our end first: what is sent before it is up at the other one is lost. So a packet
 * goes ahead, and another, until one has come back. */
static bool
wait_for_way(struct pace *pace)
{
	for (unsigned i = 0; i < LINK_SECONDS * 1000 / QUIET_MS; i++) {
		send_some(pace, 1);
		drain(pace);
		if (pace->received > 0) {
			pace->sent = pace->received = 0;
			return true;
		}
	}
	fprintf(stderr, "espalier-pace: nothing came back for %d s\n", LINK_SECONDS);
	return false;
}

/* Evenly spaced packets; one that is late goes at once. Then waits for the last ones. */
static void
run(struct pace *pace)
{
	uint64_t hz = rte_get_tsc_hz();
	double gap = (double)hz / pace->rate;
	uint64_t start = rte_rdtsc(), total = (uint64_t)(pace->rate * pace->seconds);
	uint64_t counted_from = start + (uint64_t)(pace->seconds * (double)hz) / WARM_UP_SHARE;
	uint64_t give_up = 0;

	pace->took = calloc(total + BURST, sizeof(*pace->took));
	while (pace->received < total) {
		uint64_t now = rte_rdtsc();
		uint64_t due = (uint64_t)((double)(now - start) / gap) + 1;

		due = RTE_MIN(due, total);
		if (pace->sent < due)
			send_some(pace, (unsigned)RTE_MIN(due - pace->sent, (uint64_t)BURST));
		receive_some(pace, counted_from);
		if (pace->sent == total && give_up == 0)
			give_up = now + hz / 2;
		if (give_up != 0 && now > give_up)
			break;
	}
}

static int
shorter(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
report(const struct pace *pace)
{
	double us = (double)rte_get_tsc_hz() / 1e6;

	qsort(pace->took, pace->took_n, sizeof(pace->took[0]), shorter);
	printf("{\"sent\": %lu, \"received\": %lu, \"counted\": %lu", pace->sent, pace->received,
		pace->took_n);
	if (pace->took_n > 0)
		printf(", \"p50_us\": %.2f, \"p99_us\": %.2f, \"max_us\": %.2f",
			pace->took[pace->took_n / 2] / us, pace->took[pace->took_n * 99 / 100] / us,
			pace->took[pace->took_n - 1] / us);
	printf("}\n");
}

int
main(int argc, char **argv)
{
	static struct pace pace;
	int used = rte_eal_init(argc, argv);
	int status = 2;

	if (used < 0)
		return 2;
	if (parse(&pace, argc - used, argv + used) && read_frames(&pace) && open_ports(&pace) &&
		wait_for_links() && wait_for_way(&pace)) {
		run(&pace);
		report(&pace);
		status = 0;
	}
	rte_eal_cleanup();
	free(pace.frames);
	free(pace.took);
	return status;
}
