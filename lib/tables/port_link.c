/* SPDX-License-Identifier: BSD-3-Clause */
#include "port_link.h"

#include "listener.h"
#include "log.h"
#include "nexthop.h"
#include "tunnel.h"

bool
port_link_set(struct gateway *gw, uint8_t index, enum port_link link)
{
	struct port *port = &gw->ports[index];
	bool had_link = gateway_has_link(gw, index);

	port->link = link;
	bool has_link = gateway_has_link(gw, index);
	if (has_link == had_link)
		return false;
	if (has_link)
		log_info("port '%s' has a link", port->name);
	else
		log_warning("port '%s' has no link", port->name);
	nexthop_gather(gw);
	/* Not only those that leave by it: with another way in a group, they take that. */
	tunnel_refresh_all(gw);
	nexthop_gathered(gw);
	if (gw->listener != NULL && gw->listener->port_changed != NULL)
		gw->listener->port_changed(gw->listener->context, port);
	return true;
}
