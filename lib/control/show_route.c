/* SPDX-License-Identifier: BSD-3-Clause */
#include "show.h"

#include "gateway.h"
#include "neighbor.h"
#include "nexthop.h"
#include "render.h"
#include "route.h"

static json_t *
render_protocol(uint8_t protocol)
{
	switch (protocol) {
	case ROUTE_CONNECTED:
		return json_string("connected");
	case ROUTE_STATIC:
		return json_string("static");
	case ROUTE_BGP:
		return json_string("bgp");
	default:
		return json_integer(protocol);
	}
}

static json_t *
render_owner(const struct session_context *context, struct claim claim)
{
	const char *name = owner_name(&context->owners, claim);

	return name == NULL ? json_null() : json_string(name);
}

static json_t *
render_nexthops(const struct gateway *gw, uint32_t id)
{
	struct nexthop_spec specs[GROUP_MEMBERS_MAX];
	unsigned n = nexthop_specs(gw, id, specs);
	json_t *list = json_array();

	if (n == 1)
		specs[0].weight = 1; /* alone it takes all, whatever its share was */
	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, render_nexthop(gw, &specs[i]));
	return list;
}

int
show_route(const struct session_context *context, uint32_t *cursor, json_t **row)
{
	const struct gateway *gw = context->gw;
	const struct route *route = route_next(gw, cursor);

	if (route == NULL)
		return 0;
	const struct nexthop *nexthop = nexthop_read(nexthop_slots(gw->nexthops), route->nexthop);
	*row = json_object();
	render_set(row, "prefix", render_prefix(route->prefix));
	render_set(row, "table", json_integer(route->table));
	render_set(row, "protocol", render_protocol(route->protocol));
	render_set(row, "nexthops", render_nexthops(gw, route->nexthop));
	render_set(row, "group",
		nexthop->kind == NEXTHOP_GROUP ? json_integer(route->nexthop) : json_null());
	render_set(row, "owner", render_owner(context, route->claim));
	return 1;
}

/* A member's share of the buckets: as it is meant to be, and as it is now. */
static json_t *
render_member(const struct gateway *gw, const struct ecmp_table *table, unsigned member)
{
	struct nexthop_spec specs[GROUP_MEMBERS_MAX] = { { .kind = NEXTHOP_DROP } };
	int home = 0, active = 0;

	for (unsigned bucket = 0; bucket < ECMP_BUCKETS; bucket++) {
		home += table->home[bucket] == member;
		active += table->active[bucket] == member;
	}
	nexthop_specs(gw, table->members[member].id, specs);
	specs[0].weight = table->members[member].weight;
	json_t *way = render_nexthop(gw, &specs[0]);
	render_set(&way, "home_buckets", json_integer(home));
	render_set(&way, "buckets", json_integer(active));
	render_set(&way, "up", json_boolean(table->members[member].up));
	return way;
}

/* The group in the first slot from *id on that holds one; moves *id past it. */
static const struct nexthop *
next_group(const struct gateway *gw, uint32_t *id)
{
	const struct nexthop_slots *slots = nexthop_slots(gw->nexthops);

	while (*id < NEXTHOPS_MAX) {
		const struct nexthop *nexthop = nexthop_read(slots, (*id)++);

		if (nexthop != NULL && nexthop->kind == NEXTHOP_GROUP)
			return nexthop;
	}
	return NULL;
}

int
show_group(const struct session_context *context, uint32_t *cursor, json_t **row)
{
	const struct gateway *gw = context->gw;
	const struct nexthop *nexthop = next_group(gw, cursor);

	if (nexthop == NULL)
		return 0;
	const struct ecmp_table *table = nexthop->group;
	json_t *members = json_array();
	for (unsigned member = 0; member < table->n_members; member++)
		json_array_append_new(members, render_member(gw, table, member));
	*row = json_object();
	render_set(row, "id", json_integer(*cursor - 1));
	render_set(row, "buckets", json_integer(ECMP_BUCKETS));
	render_set(row, "members", members);
	return 1;
}

int
show_neighbor(const struct session_context *context, uint32_t *cursor, json_t **row)
{
	const struct gateway *gw = context->gw;
	const struct neighbor *neighbor = neighbor_next(gw->neighbors, cursor);
	struct rte_ether_addr mac;

	if (neighbor == NULL)
		return 0;
	bool valid = neighbor_mac(neighbor, &mac);
	*row = json_object();
	render_set(row, "port", render_text(gw->ports[neighbor->port].name));
	render_set(row, "address", render_address(neighbor->address));
	render_set(row, "mac", valid ? render_mac(&mac) : json_null());
	render_set(row, "state", json_string(valid ? "valid" : "unresolved"));
	render_set(row, "owner", render_owner(context, neighbor->claim));
	return 1;
}
