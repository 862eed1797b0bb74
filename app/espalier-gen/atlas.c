/* SPDX-License-Identifier: BSD-3-Clause */
#include "atlas.h"

#include <errno.h>
#include <stdlib.h>

#define HOST_BITS 32

static void
add(struct atlas *atlas, struct prefix prefix, struct place place)
{
	place.prefix = prefix;
	place.prefix.address &= prefix_mask(prefix.bits);
	atlas->places[atlas->n++] = place;
}

static struct prefix
host(uint32_t address)
{
	return (struct prefix) { address, HOST_BITS };
}

static int
compare(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->prefix.address != y->prefix.address)
		return x->prefix.address < y->prefix.address ? -1 : 1;
	return (int)x->prefix.bits - (int)y->prefix.bits;
}

/* In sorted order, what covers a prefix stands before it, and covers all that is between. */
static void
link_parents(struct atlas *atlas)
{
	int last = -1;

	for (unsigned i = 0; i < atlas->n; i++) {
		while (last >= 0 &&
			!prefix_covers(atlas->places[last].prefix, atlas->places[i].prefix.address))
			last = atlas->places[last].parent;
		atlas->places[i].parent = last;
		last = (int)i;
	}
}

static size_t
count_addresses(const struct config *config)
{
	size_t n = 0;

	for (unsigned i = 0; i < config->n_ports; i++)
		n += config->ports[i].n_addresses;
	for (unsigned i = 0; i < config->n_tunnels; i++)
		n += config->tunnels[i].n_addresses;
	return n;
}

int
atlas_create(struct atlas *atlas, const struct config *config)
{
	size_t room = config->n_routes + 2 * count_addresses(config) + 1;

	atlas->n = 0;
	atlas->places = calloc(room, sizeof(*atlas->places));
	if (atlas->places == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < config->n_routes; i++)
		add(atlas, config->routes[i].prefix,
			(struct place) { .kind = PLACE_ROUTE, .route = &config->routes[i] });
	for (unsigned i = 0; i < config->n_ports; i++)
		for (unsigned a = 0; a < config->ports[i].n_addresses; a++) {
			struct prefix address = config->ports[i].addresses[a];

			if (address.bits < HOST_BITS)
				add(atlas, address,
					(struct place) { .kind = PLACE_CONNECTED, .port = i });
			add(atlas, host(address.address), (struct place) { .kind = PLACE_LOCAL });
		}
	for (unsigned i = 0; i < config->n_tunnels; i++)
		for (unsigned a = 0; a < config->tunnels[i].n_addresses; a++)
			add(atlas, host(config->tunnels[i].addresses[a].address),
				(struct place) { .kind = PLACE_LOCAL });
	qsort(atlas->places, atlas->n, sizeof(*atlas->places), compare);
	link_parents(atlas);
	return 0;
}

void
atlas_destroy(struct atlas *atlas)
{
	free(atlas->places);
	*atlas = (struct atlas) { 0 };
}

const struct place *
atlas_find(const struct atlas *atlas, uint32_t address)
{
	unsigned low = 0, high = atlas->n; /* the last that begins at the address or before it */
	int at;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (atlas->places[middle].prefix.address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (at = (int)low - 1; at >= 0; at = atlas->places[at].parent)
		if (prefix_covers(atlas->places[at].prefix, address))
			return &atlas->places[at];
	return NULL;
}

unsigned
atlas_port(const struct atlas *atlas, uint32_t address)
{
	const struct place *place = atlas_find(atlas, address);

	if (place == NULL || place->kind == PLACE_LOCAL)
		return ATLAS_NO_PORT;
	if (place->kind == PLACE_CONNECTED)
		return place->port;
	for (unsigned i = 0; i < place->route->n_nexthops; i++)
		if (place->route->nexthops[i].kind == CONFIG_VIA_GATEWAY ||
			place->route->nexthops[i].kind == CONFIG_VIA_PORT)
			return place->route->nexthops[i].port;
	return ATLAS_NO_PORT;
}
