/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#include "counters.h"
#include "sizes.h"
#include "prefix.h"
#include "rcu.h"

/*
 * The root: what control writes and workers read. main() makes one and passes it on; there is no
 * other shared state.
 */

enum port_link {
	PORT_LINK_UNKNOWN, /* nobody has looked yet, or its driver cannot tell: it counts as one */
	PORT_LINK_DOWN,
	PORT_LINK_UP,
};

struct port {
	/* const after start */
	char name[NAME_BYTES];
	uint8_t index; /* in gateway.ports */
	uint16_t dpdk_id;
	uint16_t mtu;
	uint16_t rx_queues, tx_queues;
	struct rte_ether_addr mac;
	rte_be16_t ethernet_type; /* IPv4's: with the MAC, how the header of what leaves ends */
	struct prefix addresses[PORT_ADDRESSES_MAX];
	unsigned n_addresses;
	char interface[INTERFACE_BYTES]; /* its TAP's name in the kernel, */
	uint32_t ifindex;                /* and index; 0: there is none */

	/* control only */
	enum port_link link; /* port_link_set() */
};

struct tunnel;
struct tunnel_order;
struct encap;
struct selector_set;
struct branch_slots;
struct hold;
struct early;
struct path_mtu_notes;
struct peers;
struct rte_ring;
struct sa_table;
struct route_table;
struct nexthop_table;
struct neighbor_table;
struct publisher;
struct punt;
struct slab;
struct listener;

struct gateway {
	/* const after start */
	char name[NAME_BYTES];
	uint32_t hash_seed;
	unsigned n_ports, n_tunnels, n_workers;
	struct port ports[PORTS_MAX];
	uint32_t outside; /* ports, as bits, that take nothing in the clear from behind tunnels */
	struct tunnel *tunnels; /* [n_tunnels] */
	struct rcu *rcu;
	struct slab *slab; /* memory of what comes and goes; control's */
	struct publisher *publisher;
	struct punt *punt;                /* packets from workers to the control core */
	struct rte_ring *mappings;        /* and what they see of peers that move */
	struct path_mtu_notes *path_mtus; /* and hear of paths */
	struct early *early;              /* ESP that comes before its SA */
	struct peers *peers;              /* whose IKE comes before strangers' */
	struct neighbor_table *neighbors;
	struct nexthop_table *nexthops;
	struct route_table *routes;
	struct sa_table *sas;
	struct worker_counters *counters[WORKERS_MAX]; /* each worker writes its own */

	/* control only */
	const struct listener *listener; /* is told what happens; NULL: nobody */
	uint32_t tunnel_changes;         /* counts changes of tunnels' states and encaps */
	uint64_t control_drops[DROP_REASON_COUNT]; /* packets that the control core dropped */
	struct tunnel_order *tunnel_order;         /* tunnels by outer destination */
	uint64_t policy_changes;                   /* counts policies put */
	uint64_t policies_seen_at;         /* wall clock: when their use was looked at last */
	struct hold *hold;                 /* packets that wait for an SA */
	struct branch_slots *branch_slots; /* runs of workers that are free; branch.h */
	struct tunnel *branching; /* the first of those that have branches; tunnel.next_branching */

	/* control writes, workers read */
	const struct encap **encaps; /* [n_tunnels], published one by one, never NULL */
	/* [n_tunnels], what may come out of each, published one by one; NULL: everything */
	const struct selector_set **inbound_selectors;
	_Atomic bool held; /* --start-held: workers wait */
	_Atomic bool stop; /* workers leave their loop */
};

/* Worker, within its online time; control too. */
static inline const struct encap *
gateway_encap(const struct gateway *gw, uint16_t tunnel)
{
	return __atomic_load_n(&gw->encaps[tunnel], __ATOMIC_ACQUIRE);
}

/* The same. */
static inline const struct selector_set *
gateway_inbound_selectors(const struct gateway *gw, uint16_t tunnel)
{
	return __atomic_load_n(&gw->inbound_selectors[tunnel], __ATOMIC_ACQUIRE);
}

/* Can anything leave by that port? Control only. */
static inline bool
gateway_has_link(const struct gateway *gw, uint8_t port)
{
	return gw->ports[port].link != PORT_LINK_DOWN;
}

struct config;

/*
 * Makes the tables of a checked configuration: ports (not yet started: main fills in device facts),
 * tunnels, addresses' local and connected routes. `rcu` has been made for the workers and passes
 * over. NULL: out of memory, said in the log.
 */
struct gateway *gateway_create(const struct config *config, struct rcu *rcu, unsigned n_workers);
/* Retires everything; SA keys are zeroized. No worker may run. */
void gateway_destroy(struct gateway *gw);

struct crypto;

/*
 * Fills it from the configuration: neighbors, routes, manual SAs, in this order and through the
 * same calls that messages use. Ports have their devices by now. 0 or -errno, with the reason in
 * the log. Control, before workers poll.
 */
int gateway_populate(struct gateway *gw, const struct config *config, struct crypto *crypto);
