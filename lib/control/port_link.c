/* SPDX-License-Identifier: BSD-3-Clause */
#include "port_link.h"

#include <rte_ethdev.h>

#include "gateway.h"

enum port_link
port_link(const struct port *port)
{
	struct rte_eth_link link;

	if (!rte_eth_dev_is_valid_port(port->dpdk_id) ||
		rte_eth_link_get_nowait(port->dpdk_id, &link) != 0)
		return PORT_LINK_UNKNOWN;
	return link.link_status == RTE_ETH_LINK_UP ? PORT_LINK_UP : PORT_LINK_DOWN;
}
