/* SPDX-License-Identifier: BSD-3-Clause */
#include "link_watch.h"

#include <rte_ethdev.h>

#include "clock.h"
#include "port_link.h"

#define LOOK_NS (100 * MILLISECOND_NS)

/* As the driver says at this moment, without waiting. */
static enum port_link
ask_driver(const struct port *port)
{
	struct rte_eth_link link;

	if (!rte_eth_dev_is_valid_port(port->dpdk_id) ||
		rte_eth_link_get_nowait(port->dpdk_id, &link) != 0)
		return PORT_LINK_UNKNOWN;
	return link.link_status == RTE_ETH_LINK_UP ? PORT_LINK_UP : PORT_LINK_DOWN;
}

void
link_watch_tick(
	struct link_watch *watch, struct gateway *gw, struct kernel_if *kernel_if, uint64_t now_ns)
{
	if (now_ns < watch->next_look_ns)
		return;
	watch->next_look_ns = now_ns + LOOK_NS;
	for (uint8_t i = 0; i < gw->n_ports; i++)
		if (port_link_set(gw, i, ask_driver(&gw->ports[i])))
			kernel_if_set_port_carrier(
				kernel_if, &gw->ports[i], gateway_has_link(gw, i));
}
