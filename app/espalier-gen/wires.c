/* SPDX-License-Identifier: BSD-3-Clause */
#include "wires.h"

#include <errno.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "address.h"
#include "device.h"
#include "log.h"
#include "packet_pool.h"

#define DESCRIPTORS 2048
#define POOL_CACHE 512
#define PKTS_PER_WORKER 2048
/* ESP puts padding and an ICV behind a packet; the rest is slack for stores of whole vectors. */
#define TAIL_BYTES 128
#define ESP_OVERHEAD_MAX 128

/* What --opposite says, or the n-th of DPDK's ports. */
static int
find(struct wires *wires, const struct config_port *gateway, const struct options *options)
{
	struct wire *wire = &wires->wire[wires->n];
	const char *device = options_named(&options->opposite, gateway->name);
	char list[DEVICE_LIST_BYTES];
	unsigned place = 0;
	uint16_t id;

	wire->gateway = gateway;
	if (device != NULL) {
		if (device_find(device, &wire->id))
			goto found;
		log_error("--opposite %s=%s: DPDK has no such device; name it with -a PCI-ADDRESS "
			  "or --vdev NAME,...",
			gateway->name, device);
		return -ENODEV;
	}
	RTE_ETH_FOREACH_DEV(id)
	{
		wire->id = id;
		if (place++ == wires->n)
			goto found;
	}
	log_error(
		"nothing is opposite the gateway's port '%s': give EAL a device for each port, or "
		"say --opposite %s=DEVICE (there are: %s)",
		gateway->name, gateway->name, device_list(list));
	return -ENODEV;

found:
	for (unsigned i = 0; i < wires->n; i++)
		if (wires->wire[i].id == wire->id) {
			log_error("the ports '%s' and '%s' have the same device opposite",
				wires->wire[i].gateway->name, gateway->name);
			return -EINVAL;
		}
	return 0;
}

/* Does every item that names a port name one of the gateway's? */
static int
check_ports(const char *option, const struct named_list *list, const struct config *config)
{
	for (unsigned i = 0; i < list->n; i++) {
		const struct named *item = &list->item[i];
		bool known = item->name_bytes == 0;

		for (unsigned p = 0; p < config->n_ports; p++)
			known |= strlen(config->ports[p].name) == (size_t)item->name_bytes &&
				strncmp(config->ports[p].name, item->name,
					(size_t)item->name_bytes) == 0;
		if (!known) {
			log_error(
				"%s %s: the gateway has no port of that name", option, item->name);
			return -EINVAL;
		}
	}
	return 0;
}

static int
check_given_macs(const struct options *options)
{
	for (unsigned i = 0; i < options->gateway_mac.n; i++) {
		const struct named *item = &options->gateway_mac.item[i];
		uint8_t mac[RTE_ETHER_ADDR_LEN];
		char why[WHY_BYTES];

		if (!mac_parse(item->value, mac, why)) {
			log_error("--gateway-mac %s: %s", item->name, why);
			return -EINVAL;
		}
	}
	return 0;
}

static void
take_given_mac(struct wire *wire, const struct options *options)
{
	const char *text = options_named(&options->gateway_mac, wire->gateway->name);
	char why[WHY_BYTES];

	if (text != NULL)
		wire->known = mac_parse(text, wire->gateway_mac.addr_bytes, why);
}

static unsigned
frame_room(const struct wires *wires, const struct options *options)
{
	unsigned bytes = options->lengths.high + ESP_OVERHEAD_MAX;

	for (unsigned i = 0; i < wires->n; i++)
		bytes = RTE_MAX(bytes, (unsigned)wires->wire[i].gateway->mtu);
	return bytes;
}

static int
create_pool(struct wires *wires, const struct options *options, const struct wire_needs *needs)
{
	unsigned queues = wires->n * (needs->rx_queues + needs->tx_queues);
	unsigned n = options->mbufs != 0
		? options->mbufs
		: queues * DESCRIPTORS + rte_lcore_count() * PKTS_PER_WORKER;
	unsigned room =
		RTE_PKTMBUF_HEADROOM + RTE_ETHER_HDR_LEN + frame_room(wires, options) + TAIL_BYTES;

	room = RTE_MAX(RTE_ALIGN(room, 64u), (unsigned)RTE_MBUF_DEFAULT_BUF_SIZE);
	wires->pool = packet_pool_create("packets", n, POOL_CACHE, (uint16_t)room);
	if (wires->pool != NULL)
		return 0;
	log_error("no memory for %u packet buffers of %u bytes (%s): give EAL more with -m, or ask "
		  "for fewer with --mbufs",
		n, room, rte_strerror(rte_errno));
	return -ENOMEM;
}

static int
set_up_queues(const struct wires *wires, const struct wire *wire)
{
	unsigned socket = (unsigned)rte_eth_dev_socket_id(wire->id);
	uint16_t rx_descriptors = DESCRIPTORS, tx_descriptors = DESCRIPTORS;
	int error = rte_eth_dev_adjust_nb_rx_tx_desc(wire->id, &rx_descriptors, &tx_descriptors);

	for (uint16_t q = 0; q < wire->rx_queues && error == 0; q++)
		error = rte_eth_rx_queue_setup(
			wire->id, q, rx_descriptors, socket, NULL, wires->pool);
	for (uint16_t q = 0; q < wire->tx_queues && error == 0; q++)
		error = rte_eth_tx_queue_setup(wire->id, q, tx_descriptors, socket, NULL);
	return error;
}

static int
configure(struct wires *wires, struct wire *wire, const struct wire_needs *needs)
{
	struct rte_eth_conf conf = { .rxmode.mtu = wire->gateway->mtu };
	struct rte_eth_dev_info info;
	int error = rte_eth_dev_info_get(wire->id, &info);

	if (error != 0)
		return error;
	if (needs->rx_queues > info.max_rx_queues || needs->tx_queues > info.max_tx_queues) {
		log_error("the device opposite '%s' has %u receive and %u transmit queues, not %u "
			  "and %u: ask for fewer with --queues and --senders",
			wire->gateway->name, info.max_rx_queues, info.max_tx_queues,
			needs->rx_queues, needs->tx_queues);
		return -EINVAL;
	}
	wire->rx_queues = (uint16_t)needs->rx_queues;
	wire->tx_queues = (uint16_t)needs->tx_queues;
	if (wire->rx_queues > 1 && info.flow_type_rss_offloads != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads &
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_ESP);
	}
	conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	error = rte_eth_dev_configure(wire->id, wire->rx_queues, wire->tx_queues, &conf);
	if (error == 0)
		error = set_up_queues(wires, wire);
	if (error == 0)
		error = rte_eth_macaddr_get(wire->id, &wire->mac);
	return error;
}

/* Frames go to whatever address the gateway's file has for the hosts that we play. */
static int
start(struct wires *wires, struct wire *wire, const struct wire_needs *needs)
{
	int error = configure(wires, wire, needs);

	if (error == 0)
		error = rte_eth_dev_start(wire->id);
	if (error != 0) {
		log_error("the device opposite '%s' cannot be set up: %s", wire->gateway->name,
			rte_strerror(-error));
		return error;
	}
	wire->set_up = true;
	rte_eth_promiscuous_enable(wire->id);
	return 0;
}

int
wires_open(struct wires *wires, const struct config *config, const struct options *options,
	const struct wire_needs *needs)
{
	int error = check_ports("--opposite", &options->opposite, config);

	if (error == 0)
		error = check_ports("--gateway-mac", &options->gateway_mac, config);
	for (unsigned i = 0; i < config->n_ports && error == 0; i++) {
		error = find(wires, &config->ports[i], options);
		if (error == 0)
			take_given_mac(&wires->wire[wires->n++], options);
	}
	if (error == 0)
		error = check_given_macs(options);
	if (error == 0)
		error = create_pool(wires, options, needs);
	for (unsigned i = 0; i < wires->n && error == 0; i++)
		error = start(wires, &wires->wire[i], needs);
	return error;
}

void
wires_close(struct wires *wires)
{
	for (unsigned i = 0; i < wires->n; i++)
		if (wires->wire[i].set_up) {
			rte_eth_dev_stop(wires->wire[i].id);
			rte_eth_dev_close(wires->wire[i].id);
		}
	rte_mempool_free(wires->pool);
}

bool
wires_wait(struct wires *wires, double seconds)
{
	uint64_t until = rte_get_timer_cycles() + (uint64_t)(seconds * (double)rte_get_timer_hz());

	for (;;) {
		const struct wire *missing = NULL;

		for (unsigned i = 0; i < wires->n && missing == NULL; i++) {
			struct rte_eth_link link = { 0 };

			if (rte_eth_link_get_nowait(wires->wire[i].id, &link) != 0 ||
				link.link_status == RTE_ETH_LINK_UP)
				continue;
			missing = &wires->wire[i];
		}
		if (missing == NULL)
			return true;
		if (rte_get_timer_cycles() > until) {
			log_error("no link to the gateway's port '%s' in %g s: is the gateway "
				  "running, and its device the other end of ours?",
				missing->gateway->name, seconds);
			return false;
		}
		rte_delay_us_sleep(10000);
	}
}
