/* SPDX-License-Identifier: BSD-3-Clause */

/* What happened to routes, neighbors, ports and tunnels, told to RTNLGRP_*. */

#include "event.h"
#include "gateway.h"
#include "listener.h"
#include "neighbor.h"
#include "protocol.h"
#include "route_family.h"
#include "route_parts.h"

static bool
wanted(const struct session_context *context, uint32_t group)
{
	return event_wanted(context, ESPALIER_FAMILY_ROUTE, group);
}

static void
send_event(struct session_context *context, uint32_t group, const struct netlink_writer *writer,
	int written)
{
	if (written == 0)
		event_send(context, ESPALIER_FAMILY_ROUTE, group, writer->buffer, writer->used);
}

static void
route_changed(void *listener, const struct route_change *change, uint32_t replaced)
{
	struct session_context *context = listener;
	const struct netlink_message *request = route_batch_request(&context->routes, change);
	uint32_t buffer[EVENT_BYTES_MAX / sizeof(uint32_t)];
	struct netlink_writer writer;

	if (!wanted(context, RTNLGRP_IPV4_ROUTE))
		return;
	struct route_header header = {
		.type = change->op == ROUTE_SET ? RTM_NEWROUTE : RTM_DELROUTE,
		.sequence = request == NULL ? context->sequence : request->sequence,
	};
	if (change->op == ROUTE_SET)
		header.flags = replaced != NEXTHOP_NONE ? NLM_F_REPLACE : NLM_F_CREATE;
	netlink_writer_init(&writer, buffer, sizeof(buffer));
	send_event(context, RTNLGRP_IPV4_ROUTE, &writer,
		route_write(&writer, context->gw, &header, &change->route));
}

static void
neighbor_changed(void *listener, const struct neighbor *neighbor)
{
	struct session_context *context = listener;
	uint32_t buffer[64];
	struct netlink_writer writer;

	if (!wanted(context, RTNLGRP_NEIGH))
		return;
	struct route_header header = {
		.type = neighbor_read(neighbor) != 0 ? RTM_NEWNEIGH : RTM_DELNEIGH,
		.sequence = context->sequence,
	};
	netlink_writer_init(&writer, buffer, sizeof(buffer));
	send_event(context, RTNLGRP_NEIGH, &writer,
		neighbor_write(&writer, context->gw, &header, neighbor));
}

static void
link_changed(struct session_context *context, struct link link)
{
	struct route_header header = { .type = RTM_NEWLINK };
	uint32_t buffer[EVENT_BYTES_MAX / sizeof(uint32_t)];
	struct netlink_writer writer;

	if (!wanted(context, RTNLGRP_LINK))
		return;
	netlink_writer_init(&writer, buffer, sizeof(buffer));
	send_event(context, RTNLGRP_LINK, &writer, link_write(&writer, context->gw, &header, link));
}

static void
port_changed(void *listener, const struct port *port)
{
	link_changed(listener, (struct link) { .port = port });
}

static void
tunnel_changed(void *listener, const struct tunnel *tunnel)
{
	link_changed(listener, (struct link) { .tunnel = tunnel });
}

void
route_family_listen(struct listener *listener)
{
	listener->route_changed = route_changed;
	listener->neighbor_changed = neighbor_changed;
	listener->port_changed = port_changed;
	listener->tunnel_changed = tunnel_changed;
}
