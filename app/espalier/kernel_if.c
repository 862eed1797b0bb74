/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernel_if.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kernel_if_link.h"
#include "kernel_if_neighbor.h"
#include "kernel_if_packets.h"
#include "kernel_if_probe.h"
#include "kernel_if_rtnl.h"
#include "log.h"
#include "netns.h"
#include "punt.h"
#include "tunnel.h"

#define EVENTS_PER_TURN 16
/* Until a tunnel has an SA, and with it an MTU: what any suite carries over an Ethernet. */
#define TUN_MTU_FIRST 1400
#define MTU_MIN 68 /* RFC 791 */
/* Descriptors for all else: sockets, devices, clients. */
#define OTHER_DESCRIPTORS 512

/* Events' names: the place of a link, or this. */
#define NEIGHBORS UINT32_MAX

struct kernel_if {
	struct kernel_packets packets;
	struct rtnl rtnl;
	struct kernel_neighbors neighbors;
	struct kernel_probes probes;
	int epoll;
	unsigned n_links;          /* a TAP for each port, then a TUN for each tunnel */
	struct kernel_link *links; /* [n_links] */
	uint32_t seen_changes;     /* of tunnels */
};

/* --- making them --- */

static int
open_tap(struct kernel_if *kernel_if, struct port *port)
{
	struct kernel_link *link = &kernel_if->links[port->index];
	const struct kernel_link_spec spec = {
		.kind = KERNEL_LINK_TAP,
		.name = port->interface,
		.mac = &port->mac,
		.mtu = port->mtu,
		.addresses = port->addresses,
		.n_addresses = port->n_addresses,
	};
	int error = kernel_link_open(link, &kernel_if->rtnl, &spec);

	port->ifindex = link->ifindex;
	return error;
}

static int
open_tun(struct kernel_if *kernel_if, struct tunnel *tunnel)
{
	const struct gateway *gw = kernel_if->packets.gw;
	struct kernel_link *link = &kernel_if->links[gw->n_ports + tunnel->index];
	const struct kernel_link_spec spec = {
		.kind = KERNEL_LINK_TUN,
		.name = tunnel->interface,
		.mtu = TUN_MTU_FIRST,
		.addresses = tunnel->addresses,
		.n_addresses = tunnel->n_addresses,
	};
	int error = kernel_link_open(link, &kernel_if->rtnl, &spec);

	tunnel->ifindex = link->ifindex;
	return error;
}

static int
watch(const struct kernel_if *kernel_if, int fd, uint32_t name)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = name };

	if (epoll_ctl(kernel_if->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return 0;
	int error = errno;
	log_error("kernel interfaces cannot be watched: %s", strerror(error));
	return -error;
}

/* All that belongs to a network namespace, in that of the calling thread. */
static int
open_all(struct kernel_if *kernel_if, struct gateway *gw)
{
	int error = rtnl_open(&kernel_if->rtnl);

	if (error != 0) {
		log_error("no rtnetlink socket: %s", strerror(-error));
		return error;
	}
	for (unsigned i = 0; error == 0 && i < gw->n_ports; i++)
		error = open_tap(kernel_if, &gw->ports[i]);
	for (unsigned i = 0; error == 0 && i < gw->n_tunnels; i++)
		error = open_tun(kernel_if, &gw->tunnels[i]);
	if (error == 0)
		error = kernel_neighbors_open(&kernel_if->neighbors, gw);
	return error;
}

/* The process stays where it is; a thread goes, makes everything there, and ends. Descriptors keep
 * to the namespace they were made in. */
struct errand {
	struct kernel_if *kernel_if;
	struct gateway *gw;
	const char *netns;
	int error;
};

static void *
run_errand(void *argument)
{
	struct errand *errand = argument;

	errand->error = netns_enter("kernel_netns", errand->netns);
	if (errand->error == 0)
		errand->error = open_all(errand->kernel_if, errand->gw);
	return NULL;
}

static int
open_in_namespace(struct kernel_if *kernel_if, struct gateway *gw, const char *netns)
{
	struct errand errand = { kernel_if, gw, netns, 0 };
	pthread_t thread;
	int error;

	if (netns[0] == '\0')
		return open_all(kernel_if, gw);
	error = pthread_create(&thread, NULL, run_errand, &errand);
	if (error != 0) {
		log_error("no thread for kernel_netns: %s", strerror(error));
		return -error;
	}
	pthread_join(thread, NULL);
	return errand.error;
}

/* One for each interface, and more than a shell allows when there are many tunnels. */
static void
raise_descriptor_limit(unsigned n)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= n + OTHER_DESCRIPTORS)
		return;
	limit.rlim_cur = n + OTHER_DESCRIPTORS;
	if (limit.rlim_max < limit.rlim_cur)
		limit.rlim_max = limit.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warning(
			"%u kernel interfaces need as many descriptors: raise RLIMIT_NOFILE", n);
}

static int
watch_all(const struct kernel_if *kernel_if)
{
	int error = watch(kernel_if, kernel_neighbors_fd(&kernel_if->neighbors), NEIGHBORS);

	for (unsigned i = 0; error == 0 && i < kernel_if->n_links; i++)
		error = watch(kernel_if, kernel_if->links[i].fd, i);
	return error;
}

struct kernel_if *
kernel_if_open(struct gateway *gw, const struct config *config, const struct workers *workers,
	struct rte_mempool *pool)
{
	unsigned n_links = gw->n_ports + gw->n_tunnels;
	struct kernel_if *kernel_if = calloc(1, sizeof(*kernel_if));
	struct kernel_link *links = calloc(n_links, sizeof(*links));

	if (kernel_if == NULL || links == NULL) {
		log_error("no memory for %u kernel interfaces", n_links);
		free(kernel_if);
		free(links);
		return NULL;
	}
	for (unsigned i = 0; i < n_links; i++)
		links[i].fd = -1;
	kernel_if->packets = (struct kernel_packets) { gw, workers, pool };
	kernel_if->links = links;
	kernel_if->n_links = n_links;
	kernel_if->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (kernel_if->epoll < 0) {
		log_error("no epoll for the kernel interfaces: %s", strerror(errno));
		goto close;
	}
	raise_descriptor_limit(n_links);
	if (open_in_namespace(kernel_if, gw, config->kernel_netns) != 0 ||
		watch_all(kernel_if) != 0)
		goto close;
	kernel_if->seen_changes = gw->tunnel_changes - 1; /* look at all of them once */
	kernel_if_follow(kernel_if);
	return kernel_if;

close:
	kernel_if_close(kernel_if);
	return NULL;
}

void
kernel_if_close(struct kernel_if *kernel_if)
{
	if (kernel_if == NULL)
		return;
	for (unsigned i = 0; i < kernel_if->n_links; i++)
		kernel_link_close(&kernel_if->links[i]);
	kernel_neighbors_close(&kernel_if->neighbors);
	rtnl_close(&kernel_if->rtnl);
	if (kernel_if->epoll >= 0)
		close(kernel_if->epoll);
	free(kernel_if->links);
	free(kernel_if);
}

/* --- serving them --- */

int
kernel_if_fd(const struct kernel_if *kernel_if)
{
	return kernel_if->epoll;
}

static void
serve(struct kernel_if *kernel_if, uint32_t place)
{
	const struct kernel_packets *packets = &kernel_if->packets;
	unsigned n_ports = packets->gw->n_ports;
	struct kernel_link *link = &kernel_if->links[place];
	int error = place < n_ports
		? kernel_packets_from_tap(packets, &packets->gw->ports[place], link->fd)
		: kernel_packets_from_tun(packets, (uint16_t)(place - n_ports), link->fd);

	if (error == 0)
		return;
	log_error("kernel interface '%s' is gone (%s); a restart makes it anew",
		place < n_ports ? packets->gw->ports[place].interface
				: packets->gw->tunnels[place - n_ports].interface,
		strerror(-error));
	kernel_link_close(link);
}

void
kernel_if_dispatch(struct kernel_if *kernel_if, uint64_t now_ns)
{
	struct epoll_event events[EVENTS_PER_TURN];
	int n = epoll_wait(kernel_if->epoll, events, EVENTS_PER_TURN, 0);

	for (int i = 0; i < n; i++) {
		if (events[i].data.u32 == NEIGHBORS)
			kernel_neighbors_read(&kernel_if->neighbors, now_ns);
		else
			serve(kernel_if, events[i].data.u32);
	}
}

void
kernel_if_take(struct kernel_if *kernel_if, struct rte_mbuf *pkt)
{
	const struct kernel_packets *packets = &kernel_if->packets;
	uint16_t index = punt_index(pkt);

	switch (punt_kind(pkt)) {
	case PUNT_PORT:
		kernel_packets_to_tap(packets, kernel_if->links[index].fd, pkt);
		break;
	case PUNT_TUNNEL:
		kernel_packets_to_tun(
			packets, kernel_if->links[packets->gw->n_ports + index].fd, pkt);
		break;
	case PUNT_NEIGHBOR:
		kernel_neighbors_find(
			&kernel_if->neighbors, &kernel_if->rtnl, kernel_packets_destination(pkt));
		break;
	case PUNT_HOLD:
		break; /* not ours */
	}
	rte_pktmbuf_free(pkt);
}

void
kernel_if_follow(struct kernel_if *kernel_if)
{
	struct gateway *gw;

	if (kernel_if == NULL || kernel_if->seen_changes == kernel_if->packets.gw->tunnel_changes)
		return;
	gw = kernel_if->packets.gw;
	kernel_if->seen_changes = gw->tunnel_changes;
	for (unsigned i = 0; i < gw->n_tunnels; i++) {
		struct kernel_link *link = &kernel_if->links[gw->n_ports + i];
		uint16_t mtu = tunnel_current_mtu(gw, &gw->tunnels[i]);

		if (mtu >= MTU_MIN)
			kernel_link_set_mtu(link, &kernel_if->rtnl, mtu);
		kernel_link_set_carrier(link, tunnel_has_carrier(&gw->tunnels[i]));
	}
}

void
kernel_if_set_port_carrier(struct kernel_if *kernel_if, const struct port *port, bool carrier)
{
	if (kernel_if != NULL)
		kernel_link_set_carrier(&kernel_if->links[port->index], carrier);
}

void
kernel_if_tick(struct kernel_if *kernel_if, uint64_t now_ns)
{
	if (kernel_if == NULL)
		return;
	kernel_neighbors_tick(&kernel_if->neighbors, &kernel_if->rtnl, now_ns);
	kernel_probes_tick(&kernel_if->probes, &kernel_if->packets, now_ns);
}
