/* SPDX-License-Identifier: BSD-3-Clause */
#include "gateway.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_ring.h>

#include "branch.h"
#include "config.h"
#include "early.h"
#include "hold.h"
#include "log.h"
#include "mapping.h"
#include "neighbor.h"
#include "nexthop.h"
#include "path_mtu.h"
#include "peers.h"
#include "publish.h"
#include "punt.h"
#include "route.h"
#include "sa.h"
#include "slab.h"
#include "tunnel.h"

static void
copy_port(struct port *port, uint8_t index, const struct config_port *from)
{
	memcpy(port->name, from->name, sizeof(port->name));
	port->index = index;
	port->mtu = from->mtu;
	port->ethernet_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	memcpy(port->interface, from->interface, sizeof(port->interface));
	port->n_addresses = from->n_addresses;
	memcpy(port->addresses, from->addresses, port->n_addresses * sizeof(port->addresses[0]));
}

/* Those that have a tunnel's outer address: where strangers are. */
static bool
is_outside(const struct config *config, const struct config_port *port)
{
	for (unsigned i = 0; i < port->n_addresses; i++)
		for (unsigned t = 0; t < config->n_tunnels; t++)
			if (config->tunnels[t].local == port->addresses[i].address)
				return !port->allow_clear;
	return false;
}

static int
create_counters(struct gateway *gw, unsigned n_workers)
{
	for (unsigned worker = 0; worker < n_workers; worker++) {
		struct worker_counters *counters =
			rte_zmalloc("counters", sizeof(*counters), CACHE_LINE_BYTES);

		if (counters == NULL)
			return -ENOMEM;
		gw->counters[worker] = counters;
		gw->n_workers = worker + 1;
	}
	return 0;
}

static int
create_tables(struct gateway *gw, const struct config *config)
{
	gw->slab = slab_create();
	gw->publisher = publisher_create(gw->rcu);
	gw->punt = punt_create();
	gw->mappings = mapping_notes_create();
	gw->path_mtus = path_mtu_notes_create();
	gw->peers = peers_create();
	gw->hold = hold_create();
	gw->branch_slots = branch_slots_create();
	gw->early = early_create();
	gw->neighbors = neighbor_table_create(gw->publisher);
	gw->nexthops = nexthop_table_create();
	gw->sas = sa_table_create();
	if (gw->slab == NULL || gw->publisher == NULL || gw->punt == NULL || gw->mappings == NULL ||
		gw->path_mtus == NULL || gw->peers == NULL || gw->hold == NULL ||
		gw->branch_slots == NULL || gw->early == NULL || gw->neighbors == NULL ||
		gw->nexthops == NULL || gw->sas == NULL)
		return -ENOMEM;
	if (tunnel_create_all(gw, config) < 0)
		return -ENOMEM;
	gw->routes = route_table_create(config->max_routes, config->max_tbl8);
	return gw->routes != NULL ? 0 : -rte_errno;
}

/*
 * An address of ours: itself local, and the rest of its network behind `rest`. A network that has
 * nothing but the address needs no second route.
 */
static int
add_address(struct gateway *gw, struct prefix address, const struct nexthop_spec *rest)
{
	static const struct nexthop_spec local = { .kind = NEXTHOP_LOCAL, .weight = 1 };
	const struct nexthop_spec *const ways[] = { &local, rest };
	const uint8_t bits[] = { 32, address.bits };
	struct route_change changes[2];
	unsigned n = address.bits < 32 ? 2 : 1;

	for (unsigned i = 0; i < n; i++) {
		int nexthop = nexthop_acquire(gw, ways[i], 1, NEXTHOP_NONE);

		if (nexthop < 0) {
			if (i > 0)
				nexthop_release(gw, changes[0].route.nexthop);
			return nexthop;
		}
		changes[i] = (struct route_change){
			.op = ROUTE_SET,
			.route = {
				.prefix = { address.address & prefix_mask(bits[i]), bits[i] },
				.table = ROUTE_TABLE_MAIN,
				.protocol = ROUTE_CONNECTED,
				.claim = { .owner = OWNER_CONFIGURATION },
				.nexthop = (uint32_t)nexthop,
			},
		};
	}
	if (route_apply(gw, changes, n) == 0)
		return 0;
	return changes[0].result < 0 ? changes[0].result : changes[1].result;
}

static int
add_addresses(struct gateway *gw)
{
	int result = 0;

	for (unsigned i = 0; i < gw->n_ports; i++) {
		const struct port *port = &gw->ports[i];
		struct nexthop_spec onlink = {
			.kind = NEXTHOP_ONLINK, .port = port->index, .weight = 1
		};

		for (unsigned j = 0; result == 0 && j < port->n_addresses; j++)
			result = add_address(gw, port->addresses[j], &onlink);
	}
	for (unsigned i = 0; i < gw->n_tunnels; i++) {
		const struct tunnel *tunnel = &gw->tunnels[i];
		struct nexthop_spec inside = {
			.kind = NEXTHOP_TUNNEL, .tunnel = tunnel->index, .weight = 1
		};

		for (unsigned j = 0; result == 0 && j < tunnel->n_addresses; j++)
			result = add_address(gw, tunnel->addresses[j], &inside);
	}
	return result;
}

struct gateway *
gateway_create(const struct config *config, struct rcu *rcu, unsigned n_workers)
{
	struct gateway *gw = rte_zmalloc("gateway", sizeof(*gw), CACHE_LINE_BYTES);
	int result;

	if (gw == NULL) {
		log_error("no memory for the gateway; give DPDK more with -m");
		rcu_destroy(rcu);
		return NULL;
	}
	gw->rcu = rcu;
	memcpy(gw->name, config->name, sizeof(gw->name));
	gw->hash_seed = config->hash_seed;
	if (!config->hash_seed_given &&
		getrandom(&gw->hash_seed, sizeof(gw->hash_seed), 0) != sizeof(gw->hash_seed)) {
		log_error("no random numbers: %s", strerror(errno));
		goto destroy;
	}
	gw->n_ports = config->n_ports;
	for (unsigned i = 0; i < gw->n_ports; i++) {
		copy_port(&gw->ports[i], (uint8_t)i, &config->ports[i]);
		gw->outside |= (uint32_t)is_outside(config, &config->ports[i]) << i;
	}
	result = create_tables(gw, config);
	if (result == 0)
		result = create_counters(gw, n_workers);
	if (result < 0) {
		log_error("no memory for the tables (%s): with gateway.max_tbl8 = %u they take "
			  "about %u MB; give DPDK more with -m, or lower that",
			strerror(-result), config->max_tbl8, 137 + config->max_tbl8 / 512);
		goto destroy;
	}
	result = add_addresses(gw);
	if (result < 0) {
		log_error("routes of the gateway's own addresses: %s", strerror(-result));
		goto destroy;
	}
	return gw;

destroy:
	gateway_destroy(gw);
	return NULL;
}

void
gateway_destroy(struct gateway *gw)
{
	if (gw == NULL)
		return;
	for (unsigned worker = 0; worker < gw->n_workers; worker++)
		rte_free(gw->counters[worker]);
	route_table_destroy(gw);
	publisher_destroy(gw->publisher); /* retired objects refer to the tables below */
	tunnel_destroy_all(gw);           /* its encaps lie in SAs */
	sa_table_destroy(gw);
	nexthop_table_destroy(gw->nexthops);
	neighbor_table_destroy(gw->neighbors);
	hold_destroy(gw->hold);
	branch_slots_destroy(gw->branch_slots);
	early_destroy(gw->early);
	peers_destroy(gw->peers);
	path_mtu_notes_destroy(gw->path_mtus);
	rte_ring_free(gw->mappings);
	punt_destroy(gw->punt);
	rcu_destroy(gw->rcu);
	slab_destroy(gw->slab);
	rte_free(gw);
}
