/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "log.h"

#define RX_DESCRIPTORS 1024
#define TX_DESCRIPTORS 1024
#define POOL_CACHE 512
#define POOL_MIN 8191
/* In a worker's hands at most: its burst, its tx buffers and pieces, the cache it keeps, and two
 * rings of other workers' packets. */
#define PKTS_PER_WORKER (4 * BURST_PKTS + 3 * POOL_CACHE / 2)
#define RING_PKTS_PER_WORKER 4096
/* ESP puts up to 17 bytes of padding and 32 of ICV behind a packet; the rest is slack for stores of
 * whole vectors. */
#define TAIL_BYTES 128

/* By vdev name or PCI address; else by DPDK's number. */
static int
find_device(const char *device, uint16_t *id)
{
	if (rte_eth_dev_get_port_by_name(device, id) == 0)
		return 0;
	char *end;
	unsigned long number = strtoul(device, &end, 10);
	if (!isdigit((unsigned char)device[0]) || *end != '\0' || number >= RTE_MAX_ETHPORTS ||
		!rte_eth_dev_is_valid_port((uint16_t)number))
		return -ENODEV;
	*id = (uint16_t)number;
	return 0;
}

/* Receive queues of a port: what --config names, else one for each worker, as far as the device has
 * them. */
static uint16_t
wanted_rx_queues(const struct gateway *gw, const struct options *options, uint16_t dpdk_id)
{
	unsigned wanted = 0;

	if (options->n_assignments == 0)
		return (uint16_t)gw->n_workers;
	for (unsigned i = 0; i < options->n_assignments; i++)
		if (options->assignments[i].port == dpdk_id)
			wanted = RTE_MAX(wanted, options->assignments[i].queue + 1);
	return (uint16_t)RTE_MAX(wanted, 1u); /* a device without any does not start */
}

static int
describe(struct gateway *gw, struct port *port, const struct config_port *configured,
	const struct options *options)
{
	struct rte_eth_dev_info info;
	int error = find_device(configured->device, &port->dpdk_id);

	if (error == 0)
		error = rte_eth_dev_info_get(port->dpdk_id, &info);
	if (error == 0)
		error = rte_eth_macaddr_get(port->dpdk_id, &port->mac);
	if (error != 0) {
		log_error("port '%s': DPDK has no device '%s'; name it with -a PCI-ADDRESS or "
			  "--vdev NAME,... (%u devices are there)",
			port->name, configured->device, rte_eth_dev_count_avail());
		return error;
	}
	if (info.max_mtu != 0 && info.max_mtu != UINT16_MAX && port->mtu > info.max_mtu) {
		log_error("port '%s': device '%s' carries an MTU of %u at most, not %u", port->name,
			configured->device, info.max_mtu, port->mtu);
		return -EINVAL;
	}

	uint16_t wanted = wanted_rx_queues(gw, options, port->dpdk_id);
	if (options->n_assignments > 0 && wanted > info.max_rx_queues) {
		log_error("--config: port '%s' (DPDK port %u) has %u receive queues, not %u",
			port->name, port->dpdk_id, info.max_rx_queues, wanted);
		return -EINVAL;
	}
	port->rx_queues = RTE_MIN(wanted, info.max_rx_queues);
	port->tx_queues = (uint16_t)RTE_MIN(gw->n_workers, (unsigned)info.max_tx_queues);
	return 0;
}

/* One pool for all: a NIC that frees in bulk wants its packets to come from one. */
static struct rte_mempool *
create_pool(const struct gateway *gw, const struct options *options)
{
	unsigned n = gw->n_workers * PKTS_PER_WORKER;
	unsigned mtu = 0;

	if (gw->n_workers > 1)
		n += gw->n_workers * RING_PKTS_PER_WORKER;
	for (unsigned i = 0; i < gw->n_ports; i++) {
		n += gw->ports[i].rx_queues * RX_DESCRIPTORS +
			gw->ports[i].tx_queues * TX_DESCRIPTORS;
		mtu = RTE_MAX(mtu, (unsigned)gw->ports[i].mtu);
	}
	n = RTE_MAX(n, (unsigned)POOL_MIN);
	if (options->mbufs != 0)
		n = options->mbufs;

	unsigned room = RTE_PKTMBUF_HEADROOM + RTE_ETHER_HDR_LEN + mtu + TAIL_BYTES;
	room = RTE_MAX(RTE_ALIGN(room, 64u), (unsigned)RTE_MBUF_DEFAULT_BUF_SIZE);
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
		"packets", n, POOL_CACHE, 0, (uint16_t)room, (int)rte_socket_id());
	if (pool == NULL)
		log_error("no memory for %u packet buffers of %u bytes (%s): give EAL more with "
			  "-m, or ask for fewer with --mbufs",
			n, room, rte_strerror(rte_errno));
	return pool;
}

static int
set_up_queues(const struct port *port, struct rte_mempool *pool)
{
	int socket = rte_eth_dev_socket_id(port->dpdk_id);
	uint16_t rx_descriptors = RX_DESCRIPTORS, tx_descriptors = TX_DESCRIPTORS;
	int error =
		rte_eth_dev_adjust_nb_rx_tx_desc(port->dpdk_id, &rx_descriptors, &tx_descriptors);

	for (uint16_t q = 0; q < port->rx_queues && error == 0; q++)
		error = rte_eth_rx_queue_setup(
			port->dpdk_id, q, rx_descriptors, (unsigned)socket, NULL, pool);
	for (uint16_t q = 0; q < port->tx_queues && error == 0; q++)
		error = rte_eth_tx_queue_setup(
			port->dpdk_id, q, tx_descriptors, (unsigned)socket, NULL);
	return error;
}

static int
configure(const struct port *port, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = { .rxmode.mtu = port->mtu };
	struct rte_eth_dev_info info;
	int error = rte_eth_dev_info_get(port->dpdk_id, &info);

	if (error != 0)
		return error;
	if (port->rx_queues > 1 && info.flow_type_rss_offloads != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads &
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_ESP);
	}
	/* All buffers come from one pool and are not shared, which is what this promises. */
	conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	error = rte_eth_dev_configure(port->dpdk_id, port->rx_queues, port->tx_queues, &conf);
	if (error != 0)
		return error;
	return set_up_queues(port, pool);
}

int
ports_open(struct gateway *gw, const struct config *config, const struct options *options,
	struct rte_mempool **pool)
{
	for (unsigned i = 0; i < gw->n_ports; i++) {
		int error = describe(gw, &gw->ports[i], &config->ports[i], options);

		if (error != 0)
			return error;
		for (unsigned other = 0; other < i; other++)
			if (gw->ports[other].dpdk_id == gw->ports[i].dpdk_id) {
				log_error("ports '%s' and '%s' have the same device",
					gw->ports[other].name, gw->ports[i].name);
				return -EINVAL;
			}
	}
	*pool = create_pool(gw, options);
	if (*pool == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < gw->n_ports; i++) {
		int error = configure(&gw->ports[i], *pool);

		if (error != 0) {
			log_error("port '%s' cannot be set up: %s", gw->ports[i].name,
				rte_strerror(-error));
			return error;
		}
	}
	return 0;
}

int
ports_start(const struct gateway *gw)
{
	for (unsigned i = 0; i < gw->n_ports; i++) {
		int error = rte_eth_dev_start(gw->ports[i].dpdk_id);

		if (error != 0) {
			log_error("port '%s' does not start: %s", gw->ports[i].name,
				rte_strerror(-error));
			return error;
		}
	}
	return 0;
}

void
ports_close(const struct gateway *gw, struct rte_mempool *pool)
{
	for (unsigned i = 0; i < gw->n_ports; i++) {
		rte_eth_dev_stop(gw->ports[i].dpdk_id);
		rte_eth_dev_close(gw->ports[i].dpdk_id);
	}
	if (pool == NULL)
		return;
	log_info("mbufs: %u of %u back in the pool", rte_mempool_avail_count(pool), pool->size);
	rte_mempool_free(pool);
}
