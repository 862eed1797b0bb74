/* SPDX-License-Identifier: BSD-3-Clause */
#include "sections.h"

#include <stdio.h>
#include <string.h>

#include "address.h"
#include "values.h"
#include "words.h"

/* A next hop as the file spells it. */
struct way {
	unsigned port, tunnel;
	uint32_t gateway;
	uint16_t weight;
};

static FIELD_READER(way_drop)
{
	bool drop;

	(void)value;
	if (!value_bool(reader, field, setting, &drop))
		return false;
	if (!drop)
		reader_value_error(reader, setting, "only true has a meaning; leave it out");
	return drop;
}

enum way_row { WAY_TUNNEL, WAY_PORT, WAY_DROP, WAY_GATEWAY };
static const struct field way_field[] = {
	[WAY_TUNNEL] = { "tunnel", OPTIONAL, value_tunnel, offsetof(struct way, tunnel) },
	[WAY_PORT] = { "port", OPTIONAL, value_port, offsetof(struct way, port) },
	[WAY_DROP] = { "drop", OPTIONAL, way_drop },
	[WAY_GATEWAY] = { "gateway", OPTIONAL, value_address, offsetof(struct way, gateway) },
	{ "weight", OPTIONAL, value_u16, offsetof(struct way, weight), 1, WEIGHT_MAX },
};
static const struct fields way_fields = { "a next hop", way_field, ARRAY_LEN(way_field) };

/* A port's addresses, for a message. */
static const char *
list_addresses(const struct config_port *port, char *list, size_t list_bytes)
{
	char shown[PREFIX_TEXT_BYTES];

	snprintf(list, list_bytes, "%s", port->n_addresses == 0 ? "none" : "");
	for (unsigned i = 0; i < port->n_addresses; i++)
		words_list(list, list_bytes, prefix_format(port->addresses[i], shown));
	return list;
}

/* A gateway is a neighbor: it must be in a network of its port, and not be us. */
static void
check_gateway(struct reader *reader, const config_setting_t *group, const struct way *way)
{
	const config_setting_t *setting = config_setting_get_member(group, "gateway");
	const struct config_port *port = &reader->config->ports[way->port];
	char addresses[128], quoted[QUOTE_BYTES];

	if (index_find(&reader->addresses, &way->gateway, sizeof(way->gateway)) != NULL) {
		reader_value_error(reader, setting,
			"that is an address of this gateway itself; give the neighbor's");
		return;
	}
	for (unsigned i = 0; i < port->n_addresses; i++)
		if (prefix_covers(port->addresses[i], way->gateway) &&
			!prefix_is_edge(port->addresses[i], way->gateway))
			return;
	if (reader->port_addresses_complete)
		reader_value_error(reader, setting,
			"it must be a host in a network of port %s, whose addresses are: %s",
			words_quote(port->name, quoted),
			list_addresses(port, addresses, sizeof(addresses)));
}

static void
read_nexthop(struct reader *reader, const config_setting_t *group, struct config_nexthop *nexthop)
{
	const uint32_t kinds = FIELD_BIT(WAY_TUNNEL) | FIELD_BIT(WAY_PORT) | FIELD_BIT(WAY_DROP);
	struct way way = { .weight = 1 };
	struct fields_read read = reader_group(reader, group, &way_fields, &way);
	bool has_gateway = (read.present & FIELD_BIT(WAY_GATEWAY)) != 0;

	*nexthop = (struct config_nexthop) { .weight = way.weight };
	switch (read.present & kinds) {
	case FIELD_BIT(WAY_TUNNEL):
		nexthop->kind = CONFIG_VIA_TUNNEL;
		nexthop->tunnel = way.tunnel;
		break;
	case FIELD_BIT(WAY_DROP):
		nexthop->kind = CONFIG_VIA_DROP;
		if (fields_good(read, FIELD_BIT(WAY_DROP)) &&
			config_setting_length(config_setting_parent(group)) > 1)
			reader_error(reader, group,
				"a next hop that drops must be the only one: beside others it "
				"would take its share of the flows");
		break;
	case FIELD_BIT(WAY_PORT):
		nexthop->kind = has_gateway ? CONFIG_VIA_GATEWAY : CONFIG_VIA_PORT;
		nexthop->port = way.port;
		nexthop->gateway = way.gateway;
		if (fields_good(read, FIELD_BIT(WAY_PORT) | FIELD_BIT(WAY_GATEWAY)))
			check_gateway(reader, group, &way);
		return;
	default:
		reader_error(reader, group,
			"a next hop is exactly one of: tunnel, port (with or without gateway), "
			"drop = true");
		return;
	}
	if (has_gateway)
		reader_error(reader, config_setting_get_member(group, "gateway"),
			"gateway: only a next hop with \"port\" can have one");
}

static FIELD_READER(route_nexthops)
{
	struct config_route *route = value;

	(void)field;
	route->nexthops = reader_list(
		reader, setting, sizeof(*route->nexthops), GROUP_MEMBERS_MAX, &route->n_nexthops);
	if (config_setting_is_list(setting) && config_setting_length(setting) == 0)
		reader_error(reader, setting,
			"nexthops: the list is empty; to drop packets say ( { drop = true; } )");
	for (unsigned i = 0; i < route->n_nexthops; i++) {
		const config_setting_t *group = reader_list_group(reader, setting, i);
		if (group != NULL)
			read_nexthop(reader, group, &route->nexthops[i]);
	}
	return true; /* what is wrong has been told */
}

enum route_row { ROUTE_PREFIX };
static const struct field route_field[] = {
	[ROUTE_PREFIX] = { "prefix", REQUIRED, value_prefix,
		offsetof(struct config_route, prefix) },
	{ "nexthops", REQUIRED, route_nexthops },
};
static const struct fields route_fields = { "a route", route_field, ARRAY_LEN(route_field) };

static void
read_route(struct reader *reader, const config_setting_t *group, struct index *prefixes,
	struct config_route *route)
{
	route->line = reader_file_line(reader, group);
	struct fields_read read = reader_group(reader, group, &route_fields, route);
	uint64_t key = (uint64_t)route->prefix.address << 8 | route->prefix.bits;
	if (fields_good(read, FIELD_BIT(ROUTE_PREFIX)))
		reader_unique(reader, prefixes, (struct index_key) { &key, sizeof(key) }, 0,
			config_setting_get_member(group, "prefix"),
			"the prefix (all next hops of a prefix stand in one route)");
}

void
section_routes(struct reader *reader, const config_setting_t *setting)
{
	struct config *config = reader->config;
	struct index prefixes = { 0 };

	config->routes = reader_list(
		reader, setting, sizeof(*config->routes), UINT32_MAX, &config->n_routes);
	if (config->n_routes > config->max_routes)
		reader_error(reader, setting,
			"routes: %u of them, but gateway.max_routes is %u; raise that",
			config->n_routes, config->max_routes);
	for (unsigned i = 0; i < config->n_routes; i++) {
		const config_setting_t *group = reader_list_group(reader, setting, i);
		if (group != NULL)
			read_route(reader, group, &prefixes, &config->routes[i]);
	}
	index_clear(&prefixes);
}
