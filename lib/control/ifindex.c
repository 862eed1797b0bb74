/* SPDX-License-Identifier: BSD-3-Clause */
#include "ifindex.h"

#include <string.h>

#include "gateway.h"
#include "tunnel.h"

#define PORTS_FROM 1u
#define TUNNELS_FROM 1001u

uint32_t
ifindex_of_port(const struct port *port)
{
	return port->ifindex != 0 ? port->ifindex : PORTS_FROM + port->index;
}

uint32_t
ifindex_of_tunnel(const struct tunnel *tunnel)
{
	return tunnel->ifindex != 0 ? tunnel->ifindex : TUNNELS_FROM + tunnel->index;
}

uint32_t
ifindex_of(struct link link)
{
	return link.port != NULL ? ifindex_of_port(link.port) : ifindex_of_tunnel(link.tunnel);
}

const char *
ifindex_name(struct link link)
{
	const char *interface = link.port != NULL ? link.port->interface : link.tunnel->interface;

	if (interface[0] != '\0')
		return interface;
	return link.port != NULL ? link.port->name : link.tunnel->name;
}

bool
ifindex_find(const struct gateway *gw, uint32_t ifindex, struct link *link)
{
	*link = (struct link) { 0 };
	for (unsigned i = 0; i < gw->n_ports; i++)
		if (ifindex_of_port(&gw->ports[i]) == ifindex) {
			link->port = &gw->ports[i];
			return true;
		}
	if (gw->n_tunnels == 0)
		return false;
	/* Whether the kernel or we counted, tunnels mostly follow each other. */
	uint32_t guess = ifindex - ifindex_of_tunnel(&gw->tunnels[0]);
	if (guess < gw->n_tunnels && ifindex_of_tunnel(&gw->tunnels[guess]) == ifindex) {
		link->tunnel = &gw->tunnels[guess];
		return true;
	}
	for (unsigned i = 0; i < gw->n_tunnels; i++)
		if (ifindex_of_tunnel(&gw->tunnels[i]) == ifindex) {
			link->tunnel = &gw->tunnels[i];
			return true;
		}
	return false;
}

bool
ifindex_find_name(const struct gateway *gw, const char *name, struct link *link)
{
	for (uint32_t place = 0; ifindex_at(gw, place, link); place++)
		if (strcmp(ifindex_name(*link), name) == 0)
			return true;
	return false;
}

bool
ifindex_at(const struct gateway *gw, uint32_t place, struct link *link)
{
	*link = (struct link) { 0 };
	if (place < gw->n_ports)
		link->port = &gw->ports[place];
	else if (place - gw->n_ports < gw->n_tunnels)
		link->tunnel = &gw->tunnels[place - gw->n_ports];
	else
		return false;
	return true;
}
