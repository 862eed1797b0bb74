/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Wire bytes into the whole pipeline, both directions, on a worker of its own between two null
 * devices.
 *
 * The first byte says what the rest is. FUZZ_SEALED: what an authentic peer put inside ESP,
 * padding, trailer and all; it is sealed here with the SA's key, so that the fuzzer gets past the
 * ICV. Else a frame as it comes from a wire. FUZZ_MENDED: type and IPv4 header checksum are put
 * right, so that it gets past those. FUZZ_WAN: it arrives at that port. FUZZ_CUT: in two pieces,
 * the second one of which is as long as the fuzzer's last byte says.
 */
#define FUZZ_SEALED 1
#define FUZZ_WAN 2
#define FUZZ_MENDED 4
#define FUZZ_CUT 8

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_esp.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>

#include "config.h"
#include "crypto.h"
#include "gateway.h"
#include "ipv4.h"
#include "pipeline.h"
#include "rcu.h"
#include "stages.h"

#define FRAME_BYTES_MAX 2000
#define SPI_IN 0x1001
#define LOCAL RTE_IPV4(203, 0, 113, 191)
#define REMOTE RTE_IPV4(192, 0, 2, 1)

static struct worker *worker;
static struct rte_mempool *pool;
static struct crypto *peer;
static struct crypto_key *peer_key;
static uint32_t peer_sequence;

static struct prefix lan[] = { { RTE_IPV4(192, 168, 50, 1), 24 } };
static struct prefix wan[] = { { LOCAL, 24 } };
static struct config_selector selectors[] = {
	{ { RTE_IPV4(10, 0, 0, 0), 8 }, { RTE_IPV4(192, 168, 0, 0), 16 } },
};
static struct config_port ports[] = {
	{ .name = "lan0", .device = "net_null0", .mtu = 1500, .addresses = lan, .n_addresses = 1 },
	{ .name = "wan0", .device = "net_null1", .mtu = 1500, .addresses = wan, .n_addresses = 1 },
};
static struct config_tunnel tunnels[] = {
	{ .name = "conn1",
		.if_id = 1,
		.local = LOCAL,
		.remote = REMOTE,
		.selectors = selectors,
		.n_selectors = 1 },
};
static struct config_nexthop via_tunnel[] = {
	{ .kind = CONFIG_VIA_TUNNEL, .tunnel = 0, .weight = 1 }
};
static struct config_nexthop via_lan[] = {
	{ .kind = CONFIG_VIA_GATEWAY,
		.port = 0,
		.gateway = RTE_IPV4(192, 168, 50, 2),
		.weight = 1 },
};
static struct config_nexthop via_wan[] = {
	{ .kind = CONFIG_VIA_GATEWAY, .port = 1, .gateway = RTE_IPV4(203, 0, 113, 1), .weight = 1 },
};
static struct config_route routes[] = {
	{ .prefix = { RTE_IPV4(192, 168, 0, 0), 16 }, .nexthops = via_tunnel, .n_nexthops = 1 },
	{ .prefix = { RTE_IPV4(10, 0, 0, 0), 16 }, .nexthops = via_lan, .n_nexthops = 1 },
	{ .prefix = { 0, 0 }, .nexthops = via_wan, .n_nexthops = 1 },
};
static struct config_neighbor neighbors[] = {
	{ .port = 0, .address = RTE_IPV4(192, 168, 50, 2), .mac = { 2, 0, 0, 0, 0, 2 } },
	{ .port = 1, .address = RTE_IPV4(203, 0, 113, 1), .mac = { 2, 0, 0, 0, 0, 3 } },
};
static struct config_sa sas[] = {
	{ .tunnel = 0, .spi = SPI_IN, .remote = REMOTE, .replay_window = 64 },
	{ .tunnel = 0, .spi = 0x2001, .remote = REMOTE, .outbound = true },
};

static void
require(int condition)
{
	if (!condition)
		abort();
}

static struct gateway *
make_gateway(struct crypto *crypto)
{
	static struct config config = {
		.name = "fuzz",
		.hash_seed = 1,
		.hash_seed_given = true,
		.max_routes = 64,
		.max_tbl8 = 16,
		.ports = ports,
		.n_ports = RTE_DIM(ports),
		.tunnels = tunnels,
		.n_tunnels = RTE_DIM(tunnels),
		.routes = routes,
		.n_routes = RTE_DIM(routes),
		.neighbors = neighbors,
		.n_neighbors = RTE_DIM(neighbors),
		.sas = sas,
		.n_sas = RTE_DIM(sas),
	};
	struct gateway *gw = gateway_create(&config, rcu_create(1), 1);

	require(gw != NULL);
	for (unsigned i = 0; i < gw->n_ports; i++) {
		struct rte_eth_conf conf = { 0 };
		uint16_t id;

		require(rte_eth_dev_get_port_by_name(ports[i].device, &id) == 0);
		require(rte_eth_dev_configure(id, 1, 1, &conf) == 0);
		require(rte_eth_rx_queue_setup(id, 0, 64, 0, NULL, pool) == 0);
		require(rte_eth_tx_queue_setup(id, 0, 64, 0, NULL) == 0);
		require(rte_eth_dev_start(id) == 0);
		gw->ports[i].dpdk_id = id;
	}
	require(gateway_populate(gw, &config, crypto) == 0);
	return gw;
}

static void
make_peer(struct suite suite)
{
	const uint8_t key[64] = { 0 };
	char error[256];

	peer = crypto_create(NULL, error, sizeof(error));
	peer_key = rte_zmalloc(NULL, crypto_key_size(suite), 64);
	require(peer != NULL && peer_key != NULL);
	require(crypto_key_init(peer, peer_key, CRYPTO_SEAL,
			&(struct crypto_material) { .suite = suite,
				.encryption_key = key,
				.authentication_key = key }) == 0);
}

/* LeakSanitizer does not look for pointers in EAL's memory. That no packet is lost is checked
 * below, for each input. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	/* EAL takes its arguments as writable strings. */
	char *eal[] = { strdup("fuzz_wire"), strdup("--no-huge"), strdup("--no-shconf"),
		strdup("-m"), strdup("256"), strdup("--no-pci"), strdup("-l"), strdup("0"),
		strdup("--log-level=error"), strdup("--vdev=net_null0"),
		strdup("--vdev=net_null1") };
	struct suite suite = {
		suite_encryption_find("aes128-cbc"),
		suite_authentication_find("hmac-sha1-96"),
	};
	char error[256];

	(void)argc;
	(void)argv;
	sas[0].suite = suite;
	sas[1].suite = suite;
	require(rte_eal_init(RTE_DIM(eal), eal) >= 0);
	pool = rte_pktmbuf_pool_create("packets", 2047, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	struct crypto *crypto = crypto_create(NULL, error, sizeof(error));
	require(pool != NULL && crypto != NULL);

	struct gateway *gw = make_gateway(crypto);
	worker = worker_create(gw, crypto, pool, 0, 0);
	require(worker != NULL);
	for (unsigned i = 0; i < gw->n_ports; i++) {
		worker->port_index[gw->ports[i].dpdk_id] = (uint8_t)i;
		worker->tx[i].dpdk_port = gw->ports[i].dpdk_id;
	}
	make_peer(suite);
	return 0;
}

/* Puts `data` into ESP as the peer would: the fuzzer's bytes are payload, padding and trailer. */
static void
write_sealed(struct rte_mbuf *pkt, const uint8_t *data, size_t bytes)
{
	size_t payload = RTE_ALIGN_FLOOR(bytes, (size_t)peer_key->block_bytes);
	size_t esp_bytes = sizeof(struct rte_esp_hdr) + peer_key->iv_bytes + payload;
	size_t total = IPV4_HEADER_BYTES + esp_bytes + peer_key->icv_bytes;
	uint8_t *frame = (uint8_t *)rte_pktmbuf_append(pkt, (uint16_t)(RTE_ETHER_HDR_LEN + total));
	struct rte_ether_hdr *ethernet = (struct rte_ether_hdr *)frame;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(ethernet + 1);
	struct rte_esp_hdr *esp = (struct rte_esp_hdr *)(ip + 1);
	struct crypto_op op = {
		.key = peer_key, .esp = (uint8_t *)esp, .bytes = (uint16_t)esp_bytes
	};

	memset(ethernet, 0, sizeof(*ethernet));
	ethernet->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	*ip = (struct rte_ipv4_hdr) {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16((uint16_t)total),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_ESP,
		.src_addr = RTE_BE32(REMOTE),
		.dst_addr = RTE_BE32(LOCAL),
	};
	ipv4_set_checksum(ip);
	esp->spi = RTE_BE32(SPI_IN);
	esp->seq = rte_cpu_to_be_32(++peer_sequence);
	memcpy((uint8_t *)(esp + 1) + peer_key->iv_bytes, data, payload);
	crypto_seal(peer, &op, 1);
}

/* Puts the checksum of a header right that may claim more bytes than there are. */
static void
mend_checksum(uint8_t *header, size_t bytes)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)header;

	if (bytes >= IPV4_HEADER_BYTES && ipv4_header_bytes(ip) >= IPV4_HEADER_BYTES &&
		ipv4_header_bytes(ip) <= bytes)
		ipv4_set_checksum(ip);
}

/* Makes two frames of one with a good IPv4 header: the pieces of a packet. */
static unsigned
cut(struct rte_mbuf *pkt[2], unsigned tail)
{
	struct rte_ipv4_hdr *head = rte_pktmbuf_mtod_offset(pkt[0], void *, RTE_ETHER_HDR_LEN);
	unsigned header_bytes = RTE_ETHER_HDR_LEN + ipv4_header_bytes(head);
	unsigned at = (pkt[0]->data_len - header_bytes) / 8 * 8;

	if (at < tail + 8)
		return 1;
	at -= tail / 8 * 8;
	pkt[1] = rte_pktmbuf_copy(pkt[0], pool, 0, UINT32_MAX);
	require(pkt[1] != NULL);
	rte_pktmbuf_trim(pkt[0], (uint16_t)(pkt[0]->data_len - header_bytes - at));
	memmove(rte_pktmbuf_mtod_offset(pkt[1], uint8_t *, at), rte_pktmbuf_mtod(pkt[1], uint8_t *),
		header_bytes);
	rte_pktmbuf_adj(pkt[1], (uint16_t)at);
	for (unsigned i = 0; i < 2; i++) {
		struct rte_ipv4_hdr *ip =
			rte_pktmbuf_mtod_offset(pkt[i], void *, RTE_ETHER_HDR_LEN);

		ip->total_length =
			rte_cpu_to_be_16((uint16_t)(pkt[i]->data_len - RTE_ETHER_HDR_LEN));
		ip->fragment_offset = i == 0 ? RTE_BE16(RTE_IPV4_HDR_MF_FLAG)
					     : rte_cpu_to_be_16((uint16_t)(at / 8));
		ipv4_set_checksum(ip);
	}
	return 2;
}

/* The frames come by the worker's ring, as what is put together of them does. */
static void
process(struct rte_mbuf *pkt[], unsigned n)
{
	require(rte_ring_enqueue_bulk(worker->handed[worker->id], (void **)pkt, n, NULL) == n);
	while (rx_ring_take(worker) > 0)
		pipeline_frames(worker);
	pipeline_overdue(worker);
	tx_flush(worker, 1);
	tx_ring_pass(worker);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static uint8_t input[FRAME_BYTES_MAX];

	if (bytes < 1 || bytes > FRAME_BYTES_MAX - 128)
		return 0;
	struct rte_mbuf *frames[2] = { rte_pktmbuf_alloc(pool) };
	struct rte_mbuf *pkt = frames[0];
	unsigned n = 1;
	require(pkt != NULL);

	unsigned flags = data[0];
	bool sealed = (flags & FUZZ_SEALED) != 0 && bytes > 16;
	size_t ethernet_bytes = sealed ? 0 : RTE_ETHER_HDR_LEN;
	bytes--;
	memcpy(input, data + 1, bytes);
	if ((flags & FUZZ_MENDED) != 0 && bytes > ethernet_bytes) {
		if (!sealed)
			((struct rte_ether_hdr *)input)->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
		mend_checksum(input + ethernet_bytes, bytes - ethernet_bytes);
	}
	pkt->port = worker->gw->ports[(flags & FUZZ_WAN) != 0].dpdk_id;
	if (sealed)
		write_sealed(pkt, input, bytes);
	else if (bytes > 0)
		memcpy(rte_pktmbuf_append(pkt, (uint16_t)bytes), input, bytes);
	if (sealed && (flags & FUZZ_CUT) != 0)
		n = cut(frames, input[bytes - 1]);

	rcu_online(worker->gw->rcu, 0);
	process(frames, n);
	rcu_offline(worker->gw->rcu, 0);
	/* Nothing may be lost: every packet was sent or freed, or waits for its other pieces. */
	require(rte_mempool_avail_count(pool) + worker->reassembly.esp.held +
			worker->reassembly.udp.held ==
		pool->size);
	return 0;
}
