/* SPDX-License-Identifier: BSD-3-Clause */
#include "gateway.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "log.h"
#include "neighbor.h"
#include "nexthop.h"
#include "publish.h"
#include "route.h"
#include "sa.h"
#include "tunnel.h"

/* Filling the gateway from the configuration file, through the same calls that messages use. */

static int
add_neighbors(struct gateway *gw, const struct config *config)
{
	for (unsigned i = 0; i < config->n_neighbors; i++) {
		const struct config_neighbor *from = &config->neighbors[i];
		struct rte_ether_addr mac;
		struct neighbor *neighbor =
			neighbor_get(gw->neighbors, (uint8_t)from->port, from->address);

		if (neighbor == NULL) {
			log_error("line %d: no room for more neighbors", from->line);
			return -ENOSPC;
		}
		memcpy(mac.addr_bytes, from->mac, sizeof(mac.addr_bytes));
		neighbor_set(neighbor, &mac);
		neighbor->claim = (struct claim) { .owner = OWNER_CONFIGURATION };
	}
	return 0;
}

static struct nexthop_spec
way_of(const struct config_nexthop *from)
{
	static const uint8_t kinds[] = {
		[CONFIG_VIA_TUNNEL] = NEXTHOP_TUNNEL,
		[CONFIG_VIA_GATEWAY] = NEXTHOP_GATEWAY,
		[CONFIG_VIA_PORT] = NEXTHOP_ONLINK,
		[CONFIG_VIA_DROP] = NEXTHOP_DROP,
	};

	return (struct nexthop_spec) {
		.kind = kinds[from->kind],
		.port = (uint8_t)from->port,
		.tunnel = (uint16_t)from->tunnel,
		.gateway = from->gateway,
		.weight = from->weight,
		.reason = from->kind == CONFIG_VIA_DROP ? DROP_blackhole : DROP_NONE,
	};
}

/* The change that a configured route is; 0 or -errno. */
static int
prepare_route(struct gateway *gw, const struct config_route *from, struct route_change *change)
{
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];
	int nexthop;

	if (from->n_nexthops > GROUP_MEMBERS_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < from->n_nexthops; i++)
		ways[i] = way_of(&from->nexthops[i]);
	nexthop = nexthop_acquire(gw, ways, from->n_nexthops, NEXTHOP_NONE);
	if (nexthop < 0)
		return nexthop;
	*change = (struct route_change){
		.op = ROUTE_SET,
		.route = {
			.prefix = from->prefix,
			.table = ROUTE_TABLE_MAIN,
			.protocol = ROUTE_STATIC,
			.claim = { .owner = OWNER_CONFIGURATION },
			.nexthop = (uint32_t)nexthop,
		},
	};
	return 0;
}

static int
complain_about_route(const struct config *config, const struct config_route *route, int result)
{
	char text[PREFIX_TEXT_BYTES];

	prefix_format(route->prefix, text);
	if (result == -ENOSPC)
		log_error("line %d: no room for route %s: gateway.max_routes is %u, "
			  "gateway.max_tbl8 %u",
			route->line, text, config->max_routes, config->max_tbl8);
	else
		log_error("line %d: route %s: %s", route->line, text, strerror(-result));
	return result;
}

static int
add_routes(struct gateway *gw, const struct config *config)
{
	struct route_change *changes = calloc(config->n_routes + 1, sizeof(*changes));
	unsigned n = 0;
	int result = 0;

	if (changes == NULL)
		return -ENOMEM;
	for (; n < config->n_routes; n++) {
		result = prepare_route(gw, &config->routes[n], &changes[n]);
		if (result < 0) {
			complain_about_route(config, &config->routes[n], result);
			break;
		}
	}
	route_apply(gw, changes, n);
	for (unsigned i = 0; i < n; i++)
		if (changes[i].result < 0)
			result =
				complain_about_route(config, &config->routes[i], changes[i].result);
	free(changes);
	return result;
}

static int
add_sa(struct gateway *gw, const struct config_sa *from, struct crypto *crypto)
{
	const struct tunnel *tunnel = &gw->tunnels[from->tunnel];
	struct sa_spec spec = {
		.direction = from->outbound ? SA_OUT : SA_IN,
		.spi = from->spi,
		.source = from->outbound ? tunnel->local : from->remote,
		.destination = from->outbound ? from->remote : tunnel->local,
		.tunnel = (uint16_t)from->tunnel,
		.suite = from->suite,
		.encryption_key = from->encryption_key,
		.authentication_key =
			from->suite.authentication != NULL ? from->authentication_key : NULL,
		.esn = from->esn,
		.sequence = from->outbound ? from->sequence : 0,
		.replay = { .window = from->replay_window,
			.top = from->outbound ? 0 : from->sequence },
		.encap_sport = from->encap_sport,
		.encap_dport = from->encap_dport,
		.lifetime = { from->lifetime_packets, from->lifetime_bytes,
			from->lifetime_seconds },
	};
	int result = sa_add(gw, crypto, &spec);

	if (result < 0)
		log_error("line %d: SA 0x%08x of tunnel %s: %s", from->line, from->spi,
			tunnel->name,
			result == -EEXIST ? "there is one with this SPI and destination"
					  : strerror(-result));
	return result;
}

int
gateway_populate(struct gateway *gw, const struct config *config, struct crypto *crypto)
{
	int result = add_neighbors(gw, config);

	if (result == 0)
		result = add_routes(gw, config);
	for (unsigned i = 0; result == 0 && i < config->n_sas; i++) {
		result = add_sa(gw, &config->sas[i], crypto);
		/* No worker runs yet: what a tunnel's way up replaced can go at once. */
		publish_flush(gw->publisher);
	}
	tunnel_refresh_all(gw); /* ports have their MACs and MTUs by now */
	publish_flush(gw->publisher);
	return result;
}
