/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports.h"

#include <errno.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "device.h"
#include "early.h"
#include "hold.h"
#include "log.h"
#include "packet_pool.h"
#include "punt.h"
#include "reassembly.h"

#define RX_DESCRIPTORS 1024
#define TX_DESCRIPTORS 1024
#define POOL_CACHE 512
#define POOL_MIN 8191
#define PKTS_IN_CACHE (3 * POOL_CACHE / 2) /* as DPDK fills it */
/* In a worker's hands at most: its burst, its tx buffers and pieces, the cache it keeps, what waits
 * to be made whole, ESP and UDP, and two rings of other workers' packets, which are rarely a third
 * full. */
#define PKTS_PER_WORKER (4 * BURST_PKTS + PKTS_IN_CACHE + 2 * REASSEMBLY_HELD)
#define RING_PKTS_PER_WORKER 2560
/* With the control core: what was punted, what waits for an SA (and in early.h's ring), what the
 * kernel sends, and the cache it keeps. */
#define PKTS_OF_KERNEL 1024
#define PKTS_OF_CONTROL \
	(PUNT_RING_PKTS + HOLD_PKTS + 2 * EARLY_PKTS + PKTS_OF_KERNEL + PKTS_IN_CACHE)
/* ESP puts up to 17 bytes of padding and 32 of ICV behind a packet; the rest is slack for stores of
 * whole vectors. */
#define TAIL_BYTES 128

/* Receive queues of a port: what --config names, else one for each worker, as far as the device has
 * them. */
static unsigned
wanted_rx_queues(const struct options *options, uint16_t id, unsigned n_workers)
{
	unsigned wanted = 1; /* a device without any does not start */

	if (options->n_assignments == 0)
		return n_workers;
	for (unsigned i = 0; i < options->n_assignments; i++)
		if (options->assignments[i].port == id)
			wanted = RTE_MAX(wanted, options->assignments[i].queue + 1);
	return wanted;
}

/* Fills in the port that is next. */
static int
find(struct ports *ports, const struct config_port *config, const struct options *options,
	unsigned n_workers)
{
	struct rte_eth_dev_info info;
	char list[DEVICE_LIST_BYTES];
	uint16_t id;

	if (!device_find(config->device, &id)) {
		log_error("port '%s': DPDK has no device '%s' (it has: %s); name it with -a "
			  "PCI-ADDRESS or --vdev NAME,..., or see above why it did not start",
			config->name, config->device, device_list(list));
		return -EINVAL;
	}
	int error = rte_eth_dev_info_get(id, &info);
	if (error != 0) {
		log_error("port '%s': device '%s' does not tell what it can: %s", config->name,
			config->device, rte_strerror(-error));
		return error;
	}
	for (unsigned i = 0; i < ports->n; i++)
		if (ports->port[i].id == id) {
			log_error("ports '%s' and '%s' have the same device", ports->port[i].name,
				config->name);
			return -EINVAL;
		}
	if (info.max_mtu != 0 && config->mtu > info.max_mtu) {
		log_error("port '%s': device '%s' carries an MTU of %u at most, not %u",
			config->name, config->device, info.max_mtu, config->mtu);
		return -EINVAL;
	}
	if (info.max_tx_queues == 0) {
		log_error("port '%s': device '%s' has no queue to send by", config->name,
			config->device);
		return -EINVAL;
	}
	unsigned wanted = wanted_rx_queues(options, id, n_workers);
	if (options->n_assignments > 0 && wanted > info.max_rx_queues) {
		log_error("--config: port '%s' (DPDK port %u) has %u receive queues, not %u",
			config->name, id, info.max_rx_queues, wanted);
		return -EINVAL;
	}
	unsigned i = ports->n++;
	memcpy(ports->port[i].name, config->name, sizeof(config->name));
	ports->port[i].id = id;
	ports->port[i].mtu = config->mtu;
	ports->port[i].rx_queues = (uint16_t)RTE_MIN(wanted, (unsigned)info.max_rx_queues);
	ports->port[i].tx_queues = (uint16_t)RTE_MIN(n_workers, (unsigned)info.max_tx_queues);
	return 0;
}

/* One pool for all: a NIC that frees in bulk wants its packets to come from one. */
static struct rte_mempool *
create_pool(const struct ports *ports, const struct options *options, unsigned n_workers)
{
	unsigned n = PKTS_OF_CONTROL + n_workers * PKTS_PER_WORKER;
	unsigned mtu = 0;

	if (n_workers > 1)
		n += n_workers * RING_PKTS_PER_WORKER;
	for (unsigned i = 0; i < ports->n; i++) {
		n += ports->port[i].rx_queues * RX_DESCRIPTORS +
			ports->port[i].tx_queues * TX_DESCRIPTORS;
		mtu = RTE_MAX(mtu, (unsigned)ports->port[i].mtu);
	}
	n = RTE_MAX(n, (unsigned)POOL_MIN);
	if (options->mbufs != 0)
		n = options->mbufs;

	unsigned room = RTE_PKTMBUF_HEADROOM + RTE_ETHER_HDR_LEN + mtu + TAIL_BYTES;
	room = RTE_MAX(RTE_ALIGN(room, 64u), (unsigned)RTE_MBUF_DEFAULT_BUF_SIZE);
	struct rte_mempool *pool = packet_pool_create("packets", n, POOL_CACHE, (uint16_t)room);
	if (pool == NULL)
		log_error("no memory for %u packet buffers of %u bytes (%s): give EAL more with "
			  "-m, or ask for fewer with --mbufs",
			n, room, rte_strerror(rte_errno));
	return pool;
}

static int
set_up_queues(const struct ports *ports, unsigned i)
{
	uint16_t id = ports->port[i].id;
	unsigned socket = (unsigned)rte_eth_dev_socket_id(id);
	uint16_t rx_descriptors = RX_DESCRIPTORS, tx_descriptors = TX_DESCRIPTORS;
	int error = rte_eth_dev_adjust_nb_rx_tx_desc(id, &rx_descriptors, &tx_descriptors);

	for (uint16_t q = 0; q < ports->port[i].rx_queues && error == 0; q++)
		error = rte_eth_rx_queue_setup(id, q, rx_descriptors, socket, NULL, ports->pool);
	for (uint16_t q = 0; q < ports->port[i].tx_queues && error == 0; q++)
		error = rte_eth_tx_queue_setup(id, q, tx_descriptors, socket, NULL);
	return error;
}

static int
configure(const struct ports *ports, unsigned i)
{
	uint16_t id = ports->port[i].id;
	struct rte_eth_conf conf = { .rxmode.mtu = ports->port[i].mtu };
	struct rte_eth_dev_info info;
	int error = rte_eth_dev_info_get(id, &info);

	if (error != 0)
		return error;
	if (ports->port[i].rx_queues > 1 && info.flow_type_rss_offloads != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads &
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_ESP);
	}
	/* All buffers come from one pool and are not shared, which is what this promises. */
	conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	error = rte_eth_dev_configure(
		id, ports->port[i].rx_queues, ports->port[i].tx_queues, &conf);
	if (error != 0)
		return error;
	return set_up_queues(ports, i);
}

static bool
is_used(const struct ports *ports, uint16_t id)
{
	for (unsigned i = 0; i < ports->n; i++)
		if (ports->port[i].id == id)
			return true;
	return false;
}

/* A device too many is most likely one that the file spells otherwise, or lacks. */
static void
tell_unused(const struct ports *ports)
{
	uint16_t id;

	RTE_ETH_FOREACH_DEV(id)
	{
		char name[RTE_ETH_NAME_MAX_LEN];

		if (!is_used(ports, id) && rte_eth_dev_get_name_by_port(id, name) == 0)
			log_info("device %s: not used, for no port of the configuration names it",
				name);
	}
}

int
ports_open(struct ports *ports, const struct config *config, const struct options *options,
	unsigned n_workers)
{
	for (unsigned i = 0; i < config->n_ports; i++) {
		int error = find(ports, &config->ports[i], options, n_workers);

		if (error != 0)
			return error;
	}
	ports->pool = create_pool(ports, options, n_workers);
	if (ports->pool == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < ports->n; i++) {
		int error = configure(ports, i);

		if (error != 0) {
			log_error("port '%s' cannot be set up: %s", ports->port[i].name,
				rte_strerror(-error));
			return error;
		}
		log_info("port %s: device %s, queues: %u receive, %u transmit", ports->port[i].name,
			config->ports[i].device, ports->port[i].rx_queues,
			ports->port[i].tx_queues);
	}
	tell_unused(ports);
	return 0;
}

void
ports_describe(const struct ports *ports, struct gateway *gw)
{
	for (unsigned i = 0; i < ports->n; i++) {
		struct port *port = &gw->ports[i];

		port->dpdk_id = ports->port[i].id;
		port->rx_queues = ports->port[i].rx_queues;
		port->tx_queues = ports->port[i].tx_queues;
		rte_eth_macaddr_get(port->dpdk_id, &port->mac);
	}
}

/* What the kernel's daemons hear in groups, as OSPF's and VRRP's do, passes a NIC's filter only so.
 * Devices without a filter do not know the call. */
static void
hear_groups(const struct ports *ports, unsigned i)
{
	int error = rte_eth_allmulticast_enable(ports->port[i].id);

	if (error != 0 && error != -ENOTSUP)
		log_warning("port '%s' may not pass multicast to the kernel: %s",
			ports->port[i].name, rte_strerror(-error));
}

int
ports_start(const struct ports *ports, bool groups)
{
	for (unsigned i = 0; i < ports->n; i++) {
		int error = rte_eth_dev_start(ports->port[i].id);

		if (error != 0) {
			log_error("port '%s' does not start: %s", ports->port[i].name,
				rte_strerror(-error));
			return error;
		}
		if (groups)
			hear_groups(ports, i);
	}
	return 0;
}

void
ports_stop(const struct ports *ports)
{
	for (unsigned i = 0; i < ports->n; i++)
		rte_eth_dev_stop(ports->port[i].id);
}

void
ports_close(struct ports *ports)
{
	for (unsigned i = 0; i < ports->n; i++)
		rte_eth_dev_close(ports->port[i].id);
	if (ports->pool == NULL)
		return;
	log_info("mbufs: %u of %u back in the pool", rte_mempool_avail_count(ports->pool),
		ports->pool->size);
	rte_mempool_free(ports->pool);
}
