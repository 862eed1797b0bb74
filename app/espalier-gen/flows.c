/* SPDX-License-Identifier: BSD-3-Clause */
#include "flows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "log.h"
#include "payload.h"

#define TRIES 64         /* to find two hosts that the routes and selectors join */
#define PORT_FIRST 10000 /* well away from 4500, which would be NAT-T */
#define PORT_COUNT 50000

/* Why no pair of hosts was found last. */
enum trouble {
	TROUBLE_NONE,
	TROUBLE_NO_TUNNEL,
	TROUBLE_NO_PORT,
	TROUBLE_SELECTORS,
	TROUBLE_NO_SA,
	TROUBLE_TOO_LONG,
};

static const char *const trouble_words[] = {
	[TROUBLE_NO_TUNNEL] = "the file's routes lead no destination into a tunnel; name one with "
			      "--remote PREFIX",
	[TROUBLE_NO_PORT] = "the file's routes lead to no plain network; name one with --local "
			    "PREFIX",
	[TROUBLE_SELECTORS] = "the tunnels' selectors let none of these pass",
	[TROUBLE_NO_SA] = "the tunnels have no security association in the file; manual keys are "
			  "needed, see security_associations",
	[TROUBLE_TOO_LONG] = "packets of --size do not fit through the tunnels in one piece",
};

struct maker {
	const struct config *config;
	const struct atlas *atlas;
	const struct peers *peers;
	const struct options *options;
	struct prefix *locals, *remotes;
	unsigned n_locals, n_remotes;
	enum trouble trouble;
};

static bool
is_wan(const struct peers *peers, unsigned port)
{
	for (unsigned i = 0; i < peers->n; i++)
		if (peers->peer[i].port == port)
			return true;
	return false;
}

static bool
leads_to_tunnel(const struct config_route *route)
{
	for (unsigned i = 0; i < route->n_nexthops; i++)
		if (route->nexthops[i].kind == CONFIG_VIA_TUNNEL)
			return true;
	return false;
}

/* Networks of a kind beside the gateway, on ports to which peers are or on the others. */
static void
list_locals(struct maker *maker, enum place_kind kind, bool wan)
{
	for (unsigned i = 0; i < maker->atlas->n; i++) {
		const struct place *place = &maker->atlas->places[i];
		unsigned port = place->port;

		if (place->kind != kind || place->prefix.bits == 0 ||
			(kind == PLACE_ROUTE && leads_to_tunnel(place->route)))
			continue;
		if (kind == PLACE_ROUTE)
			port = atlas_port(maker->atlas, place->prefix.address);
		if (port != ATLAS_NO_PORT && is_wan(maker->peers, port) == wan)
			maker->locals[maker->n_locals++] = place->prefix;
	}
}

/* Networks behind a router first, since it is one neighbor that has to be known; then those on
 * which the gateway itself is; and what shares a port with the peers only if there is no other. */
static void
choose_locals(struct maker *maker)
{
	static const enum place_kind kinds[] = { PLACE_ROUTE, PLACE_CONNECTED };

	for (unsigned wan = 0; wan < 2; wan++)
		for (unsigned kind = 0; kind < RTE_DIM(kinds) && maker->n_locals == 0; kind++)
			list_locals(maker, kinds[kind], wan != 0);
}

/* What is given on the command line, else what the routes say. */
static int
list_networks(struct maker *maker)
{
	const struct options *options = maker->options;

	maker->locals = calloc(maker->atlas->n + PREFIXES_MAX, sizeof(*maker->locals));
	maker->remotes = calloc(maker->atlas->n + PREFIXES_MAX, sizeof(*maker->remotes));
	if (maker->locals == NULL || maker->remotes == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < options->local.n; i++)
		maker->locals[maker->n_locals++] = options->local.item[i];
	for (unsigned i = 0; i < options->remote.n; i++)
		maker->remotes[maker->n_remotes++] = options->remote.item[i];
	if (maker->n_locals == 0)
		choose_locals(maker);
	for (unsigned i = 0; i < maker->config->n_routes && options->remote.n == 0; i++)
		if (leads_to_tunnel(&maker->config->routes[i]))
			maker->remotes[maker->n_remotes++] = maker->config->routes[i].prefix;
	return 0;
}

static uint32_t
pick_host(struct prefix prefix, uint32_t dice)
{
	unsigned host_bits = 32 - prefix.bits;
	uint32_t network = prefix.address & prefix_mask(prefix.bits);
	uint64_t hosts = UINT64_C(1) << host_bits;

	if (host_bits < 2)
		return network + (dice & (uint32_t)(hosts - 1));
	return network + 1 + dice % (uint32_t)(hosts - 2);
}

/* The part of two prefixes that is common to them. */
static bool
intersect(struct prefix a, struct prefix b, struct prefix *both)
{
	*both = a.bits > b.bits ? a : b;
	return prefix_covers(a.bits > b.bits ? b : a, both->address);
}

static bool
selects(const struct config_tunnel *tunnel, uint32_t local, uint32_t remote)
{
	for (unsigned i = 0; i < tunnel->n_selectors; i++)
		if (prefix_covers(tunnel->selectors[i].local, local) &&
			prefix_covers(tunnel->selectors[i].remote, remote))
			return true;
	return tunnel->n_selectors == 0;
}

/* Narrows the networks of a flow to a selector of one of the tunnels that may carry it. */
static void
narrow(const struct maker *maker, uint32_t dice, struct prefix *local, struct prefix *remote)
{
	const struct place *place = atlas_find(maker->atlas, pick_host(*remote, dice));
	const struct config_tunnel *tunnel;
	const struct config_nexthop *hop;
	const struct config_selector *selector;
	struct prefix l, r;

	if (place == NULL || place->kind != PLACE_ROUTE)
		return;
	hop = &place->route->nexthops[dice % place->route->n_nexthops];
	if (hop->kind != CONFIG_VIA_TUNNEL)
		return;
	tunnel = &maker->config->tunnels[hop->tunnel];
	if (tunnel->n_selectors == 0)
		return;
	selector = &tunnel->selectors[dice / 7 % tunnel->n_selectors];
	if (intersect(*local, selector->local, &l) && intersect(*remote, selector->remote, &r)) {
		*local = l;
		*remote = r;
	}
}

/* May this peer carry packets between the two? */
static bool
may_carry(struct maker *maker, unsigned number, const struct flow *flow, uint32_t local,
	uint32_t remote)
{
	const struct peer *peer = &maker->peers->peer[number];
	const struct sa *sa = flow->direction == DIRECTION_OUT ? peer->open : peer->seal;

	if (!selects(peer->tunnel, local, remote))
		maker->trouble = TROUBLE_SELECTORS;
	else if (sa == NULL || peer->port == ATLAS_NO_PORT)
		maker->trouble = TROUBLE_NO_SA;
	else if (maker->options->lengths.high > peer->tunnel_mtu[flow->direction])
		maker->trouble = TROUBLE_TOO_LONG;
	else
		return true;
	return false;
}

static bool
is_wanted(const struct maker *maker, unsigned number)
{
	const char *name = maker->options->tunnel;

	return name == NULL || strcmp(maker->peers->peer[number].name, name) == 0;
}

/* The tunnels of its route: all of them must be fit to carry what the gateway may send by any of
 * them. */
static bool
route_out(struct maker *maker, struct flow *flow, uint32_t local, uint32_t remote)
{
	for (unsigned i = 0; i < flow->route->n_nexthops; i++) {
		const struct config_nexthop *hop = &flow->route->nexthops[i];

		if (hop->kind != CONFIG_VIA_TUNNEL || !is_wanted(maker, hop->tunnel)) {
			maker->trouble = TROUBLE_NO_TUNNEL;
			return false;
		}
		if (!may_carry(maker, hop->tunnel, flow, local, remote))
			return false;
	}
	return true;
}

/* A tunnel that leads to the remote host, by the route, or any where it has none. */
static bool
route_in(struct maker *maker, struct flow *flow, uint32_t dice, uint32_t local, uint32_t remote)
{
	unsigned n = flow->route != NULL ? flow->route->n_nexthops : maker->peers->n;

	for (unsigned i = 0; i < n; i++) {
		unsigned number = (dice + i) % n;

		if (flow->route != NULL) {
			const struct config_nexthop *hop = &flow->route->nexthops[number];

			if (hop->kind != CONFIG_VIA_TUNNEL)
				continue;
			number = hop->tunnel;
		}
		if (is_wanted(maker, number) && may_carry(maker, number, flow, local, remote)) {
			flow->peer = number;
			return true;
		}
	}
	return false;
}

static bool
choose_way(struct maker *maker, struct flow *flow, uint32_t dice, uint32_t local, uint32_t remote)
{
	const struct place *place = atlas_find(maker->atlas, remote);
	unsigned port = atlas_port(maker->atlas, local);
	bool tunnel = place != NULL && place->kind == PLACE_ROUTE && leads_to_tunnel(place->route);

	flow->route = tunnel ? place->route : NULL;
	flow->peer = NO_PEER;
	if (!tunnel && maker->options->remote.n == 0) {
		maker->trouble = TROUBLE_NO_TUNNEL;
		return false;
	}
	if (port == ATLAS_NO_PORT) {
		maker->trouble = TROUBLE_NO_PORT;
		return false;
	}
	if (flow->direction == DIRECTION_IN) {
		if (!route_in(maker, flow, dice, local, remote))
			return false;
		flow->from = (uint8_t)maker->peers->peer[flow->peer].port;
		flow->to = (uint8_t)port;
		return true;
	}
	if (flow->route != NULL && !route_out(maker, flow, local, remote))
		return false;
	flow->from = (uint8_t)port;
	flow->to = UINT8_MAX; /* whichever the tunnel uses */
	return true;
}

static bool
make(struct maker *maker, struct flow *flow, uint32_t number)
{
	for (unsigned try = 0; try < TRIES; try++) {
		uint32_t dice = payload_dice(number, try);
		struct prefix local = maker->locals[payload_dice(dice, 1) % maker->n_locals];
		struct prefix remote = maker->remotes[(number + try) % maker->n_remotes];

		narrow(maker, dice, &local, &remote);
		uint32_t here = pick_host(local, payload_dice(dice, 2));
		uint32_t there = pick_host(remote, payload_dice(dice, 3));
		if (!choose_way(maker, flow, number, here, there))
			continue;

		bool out = flow->direction == DIRECTION_OUT;
		flow->src = rte_cpu_to_be_32(out ? here : there);
		flow->dst = rte_cpu_to_be_32(out ? there : here);
		flow->sport = rte_cpu_to_be_16((uint16_t)(PORT_FIRST + number % PORT_COUNT));
		flow->dport = rte_cpu_to_be_16(
			(uint16_t)(PORT_FIRST + number / PORT_COUNT + (out ? 0 : PORT_COUNT / 2)));
		return true;
	}
	return false;
}

static int
make_all(struct maker *maker, struct flows *flows)
{
	int error = list_networks(maker);

	if (error != 0)
		return error;
	if (maker->n_locals == 0 || maker->n_remotes == 0) {
		maker->trouble = maker->n_locals == 0 ? TROUBLE_NO_PORT : TROUBLE_NO_TUNNEL;
		return -EINVAL;
	}
	for (enum direction d = 0; d < DIRECTION_COUNT; d++)
		for (unsigned i = 0; maker->options->directions[d] && i < maker->options->flows;
			i++) {
			struct flow *flow = &flows->flow[flows->n++];

			flow->direction = (uint8_t)d;
			if (!make(maker, flow, i))
				return -EINVAL;
		}
	return 0;
}

static int
allocate(struct flows *flows, const struct options *options)
{
	size_t n = (size_t)options->flows * DIRECTION_COUNT;

	flows->seen_bytes = RTE_ALIGN(
		sizeof(struct flow_seen) + replay_size(FLOW_MEMORY) - sizeof(struct replay),
		CACHE_LINE_BYTES);
	flows->flow = calloc(n, sizeof(*flows->flow));
	flows->sent = calloc(n, sizeof(*flows->sent));
	flows->seen = aligned_alloc(CACHE_LINE_BYTES, n * flows->seen_bytes);
	return flows->flow != NULL && flows->sent != NULL && flows->seen != NULL ? 0 : -ENOMEM;
}

static bool
tunnel_is_known(const struct peers *peers, const char *name)
{
	for (unsigned i = 0; i < peers->n; i++)
		if (strcmp(peers->peer[i].name, name) == 0)
			return true;
	return false;
}

int
flows_create(struct flows *flows, const struct config *config, const struct atlas *atlas,
	const struct peers *peers, const struct options *options)
{
	struct maker maker = {
		.config = config, .atlas = atlas, .peers = peers, .options = options
	};
	int error;

	if (options->tunnel != NULL && !tunnel_is_known(peers, options->tunnel)) {
		log_error("--tunnel %s: the file has no tunnel of that name", options->tunnel);
		return -EINVAL;
	}
	error = allocate(flows, options);
	if (error == 0)
		error = make_all(&maker, flows);
	if (error == -EINVAL)
		log_error("no flow %s can be made: %s",
			flows->n > 0 ? direction_name(flows->flow[flows->n - 1].direction) : "",
			trouble_words[maker.trouble]);
	else if (error != 0)
		log_error("no memory for %u flows", options->flows);
	free(maker.locals);
	free(maker.remotes);
	if (error == 0)
		flows_reset(flows);
	return error;
}

void
flows_destroy(struct flows *flows)
{
	free(flows->flow);
	free(flows->sent);
	free(flows->seen);
	*flows = (struct flows) { 0 };
}

void
flows_reset(struct flows *flows)
{
	memset(flows->sent, 0, flows->n * sizeof(*flows->sent));
	for (uint32_t i = 0; i < flows->n; i++) {
		struct flow_seen *seen = flows_seen(flows, i);

		rte_spinlock_init(&seen->lock);
		seen->peer = NO_PEER;
		replay_init(&seen->window, FLOW_MEMORY, 0);
	}
}
