/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernel_if_neighbor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "neighbor.h"
#include "nexthop.h"
#include "publish.h"
#include "route.h"
#include "tunnel.h"

#define ROUND_NS SECOND_NS
#define ASKS_PER_ROUND 256
/* A neighbor that is known is asked for again after so many rounds: the kernel then probes one that
 * it has not heard of for a while, so a dead one is found out within a minute. */
#define KNOWN_EVERY_ROUNDS 30

#define DATAGRAM_BYTES 32768
#define DATAGRAMS_PER_TURN 16
#define RECEIVE_BYTES (1 << 20)
#define LOG_EVERY_NS SECOND_NS

/* States in which the kernel sends to the MAC it has. */
#define NUD_USABLE (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)

/* Asks for all that the kernel knows; the answers read as events do. */
static int
ask_for_all(struct kernel_neighbors *neighbors)
{
	_Alignas(struct nlmsghdr) char buffer[128];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ndmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));

	request->nlmsg_type = RTM_GETNEIGH;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header->ndm_family = AF_INET;
	return mnl_socket_sendto(neighbors->events, request, request->nlmsg_len) < 0 ? -errno : 0;
}

int
kernel_neighbors_open(struct kernel_neighbors *neighbors, struct gateway *gw)
{
	const int bytes = RECEIVE_BYTES;
	int error = 0;

	*neighbors = (struct kernel_neighbors) { .gw = gw };
	neighbors->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (neighbors->events == NULL ||
		mnl_socket_bind(neighbors->events, RTMGRP_NEIGH, MNL_SOCKET_AUTOPID) < 0)
		error = -errno;
	else
		error = ask_for_all(neighbors);
	if (error != 0) {
		log_error("the kernel's neighbors cannot be watched: %s", strerror(-error));
		kernel_neighbors_close(neighbors);
		return error;
	}
	/* Without CAP_NET_ADMIN it stays smaller; then some overflow, and we ask for all. */
	(void)setsockopt(mnl_socket_get_fd(neighbors->events), SOL_SOCKET, SO_RCVBUFFORCE, &bytes,
		sizeof(bytes));
	return 0;
}

void
kernel_neighbors_close(struct kernel_neighbors *neighbors)
{
	if (neighbors->events != NULL)
		mnl_socket_close(neighbors->events);
	neighbors->events = NULL;
}

int
kernel_neighbors_fd(const struct kernel_neighbors *neighbors)
{
	return mnl_socket_get_fd(neighbors->events);
}

/* --- learning --- */

static const struct port *
port_of(const struct gateway *gw, int ifindex)
{
	for (unsigned i = 0; i < gw->n_ports; i++)
		if (gw->ports[i].ifindex == (uint32_t)ifindex)
			return &gw->ports[i];
	return NULL;
}

static bool
is_routed_on_link(const struct gateway *gw, const struct port *port, uint32_t address)
{
	const struct route *route = route_match(gw, ROUTE_TABLE_MAIN, address);
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];
	unsigned n = route == NULL ? 0 : nexthop_specs(gw, route->nexthop, ways);

	for (unsigned i = 0; i < n; i++)
		if (ways[i].kind == NEXTHOP_ONLINK && ways[i].port == port->index)
			return true;
	return false;
}

/* Are we to know it as a neighbor? What is in the port's networks, what somebody sends through,
 * and what a route out of the port alone leads to. */
static bool
is_neighbor(const struct gateway *gw, const struct port *port, uint32_t address)
{
	for (unsigned i = 0; i < port->n_addresses; i++)
		if (prefix_covers(port->addresses[i], address))
			return true;
	return neighbor_lookup(gw->neighbors, port->index, address) != NULL ||
		is_routed_on_link(gw, port, address);
}

/* A MAC that moves may be an attack or a mistake, and is worth a word; a storm of them is not. */
static void
log_move(struct kernel_neighbors *neighbors, const struct port *port, uint32_t address,
	uint64_t now_ns)
{
	char text[ADDRESS_TEXT_BYTES];

	if (now_ns < neighbors->next_log_ns)
		return;
	neighbors->next_log_ns = now_ns + LOG_EVERY_NS;
	log_info("neighbor %s on %s has another link-layer address now",
		address_format(address, text), port->name);
}

/* `mac` is NULL where it is known no more. */
static void
learn(struct kernel_neighbors *neighbors, const struct port *port, uint32_t address,
	const struct rte_ether_addr *mac, uint64_t now_ns)
{
	struct gateway *gw = neighbors->gw;
	struct rte_ether_addr before;
	struct neighbor *neighbor;

	/* Who was never heard of takes no place in our table. */
	if (mac == NULL && neighbor_lookup(gw->neighbors, port->index, address) == NULL)
		return;
	neighbor = neighbor_get(gw->neighbors, port->index, address);
	if (neighbor == NULL)
		return;
	bool known = neighbor_mac(neighbor, &before);
	if (!neighbor_learn(neighbor, mac))
		return;
	if (known && mac != NULL)
		log_move(neighbors, port, address, now_ns);
	tunnel_refresh_via(gw, neighbor);
}

struct reading {
	struct kernel_neighbors *neighbors;
	uint64_t now_ns;
};

static int
take_event(const struct nlmsghdr *event, void *context)
{
	const struct reading *reading = context;
	struct kernel_neighbors *neighbors = reading->neighbors;
	const struct ndmsg *header = mnl_nlmsg_get_payload(event);
	struct nlattr *attribute;
	struct rte_ether_addr mac = { 0 };
	uint32_t address = 0;

	if ((event->nlmsg_type != RTM_NEWNEIGH && event->nlmsg_type != RTM_DELNEIGH) ||
		mnl_nlmsg_get_payload_len(event) < sizeof(*header) || header->ndm_family != AF_INET)
		return MNL_CB_OK;
	const struct port *port = port_of(neighbors->gw, header->ndm_ifindex);
	if (port == NULL)
		return MNL_CB_OK;
	mnl_attr_for_each (attribute, event, sizeof(*header)) {
		uint16_t type = mnl_attr_get_type(attribute);
		uint16_t bytes = mnl_attr_get_payload_len(attribute);

		if (type == NDA_DST && bytes == sizeof(address))
			address = ntohl(mnl_attr_get_u32(attribute));
		else if (type == NDA_LLADDR && bytes == sizeof(mac.addr_bytes))
			memcpy(mac.addr_bytes, mnl_attr_get_payload(attribute), bytes);
	}
	if (!is_neighbor(neighbors->gw, port, address))
		return MNL_CB_OK;
	bool usable = event->nlmsg_type == RTM_NEWNEIGH && (header->ndm_state & NUD_USABLE) != 0 &&
		rte_is_valid_assigned_ether_addr(&mac);
	learn(neighbors, port, address, usable ? &mac : NULL, reading->now_ns);
	return MNL_CB_OK;
}

void
kernel_neighbors_read(struct kernel_neighbors *neighbors, uint64_t now_ns)
{
	_Alignas(struct nlmsghdr) char datagram[DATAGRAM_BYTES];
	struct reading reading = { neighbors, now_ns };

	for (unsigned i = 0; i < DATAGRAMS_PER_TURN; i++) {
		ssize_t n = mnl_socket_recvfrom(neighbors->events, datagram, sizeof(datagram));

		if (n > 0)
			(void)mnl_cb_run(datagram, (size_t)n, 0, 0, take_event, &reading);
		else if (n < 0 && errno == ENOBUFS)
			(void)ask_for_all(neighbors); /* some were lost */
		else
			break;
	}
	publish_flush(neighbors->gw->publisher);
}

/* --- asking --- */

static void
ask(const struct kernel_neighbors *neighbors, struct rtnl *rtnl, uint8_t port, uint32_t address)
{
	const struct port *of = &neighbors->gw->ports[port];

	/* It fails where the interface is down or gone; there will be another round. */
	if (of->ifindex != 0)
		(void)rtnl_use_neighbor(rtnl, of->ifindex, address);
}

/* Known ones in turn, so that a round asks for its share of them. */
static bool
is_due(const struct neighbor *neighbor, uint32_t place, uint32_t round)
{
	if (neighbor->given)
		return false;
	return neighbor_read(neighbor) == 0 || (place + round) % KNOWN_EVERY_ROUNDS == 0;
}

void
kernel_neighbors_tick(struct kernel_neighbors *neighbors, struct rtnl *rtnl, uint64_t now_ns)
{
	const struct neighbor_table *table = neighbors->gw->neighbors;
	unsigned asked = 0;

	if (now_ns < neighbors->next_round_ns)
		return;
	neighbors->next_round_ns = now_ns + ROUND_NS;
	while (asked < ASKS_PER_ROUND) {
		uint32_t place = neighbors->cursor;
		const struct neighbor *neighbor = neighbor_next(table, &neighbors->cursor);

		if (neighbor == NULL) {
			neighbors->cursor = 0;
			neighbors->round++;
			return;
		}
		if (!is_due(neighbor, place, neighbors->round))
			continue;
		ask(neighbors, rtnl, neighbor->port, neighbor->address);
		asked++;
	}
}

void
kernel_neighbors_find(struct kernel_neighbors *neighbors, struct rtnl *rtnl, uint32_t address)
{
	const struct route *route = route_match(neighbors->gw, ROUTE_TABLE_MAIN, address);
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];
	unsigned n = route == NULL ? 0 : nexthop_specs(neighbors->gw, route->nexthop, ways);

	for (unsigned i = 0; i < n; i++)
		/* Gateways are neighbors that each round asks for. */
		if (ways[i].kind == NEXTHOP_ONLINK)
			ask(neighbors, rtnl, ways[i].port, address);
}
