/* SPDX-License-Identifier: BSD-3-Clause */
#include "xfrm_tunnels.h"

#include <stdlib.h>

#include "gateway.h"
#include "tunnel.h"

/* A tunnel under one of its names: its if_id, its pair of addresses; or an address alone. */
struct entry {
	uint64_t name;
	struct tunnel *tunnel;
};

struct order {
	unsigned n;
	struct entry *entries; /* by name */
};

struct xfrm_tunnels {
	struct order by_if_id, by_addresses, ours;
};

static uint64_t
pair_name(uint32_t local, uint32_t remote)
{
	return (uint64_t)local << 32 | remote;
}

static int
compare(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	return (a->name > b->name) - (a->name < b->name);
}

static void
add(struct order *order, uint64_t name, struct tunnel *tunnel)
{
	order->entries[order->n++] = (struct entry) { name, tunnel };
}

static void
sort(struct order *order)
{
	qsort(order->entries, order->n, sizeof(order->entries[0]), compare);
}

/* The first entry of that name or a higher one. */
static unsigned
bisect(const struct order *order, uint64_t name)
{
	unsigned low = 0, high = order->n;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (order->entries[middle].name < name)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* How many entries have that name, 2 standing for all that are more; the first of them in `tunnel`,
 * which stays as it is otherwise. Ten thousand tunnels may have one address. */
static unsigned
find(const struct order *order, uint64_t name, struct tunnel **tunnel)
{
	unsigned first = bisect(order, name);
	unsigned n = 0;

	while (n < 2 && first + n < order->n && order->entries[first + n].name == name)
		n++;
	if (n > 0)
		*tunnel = order->entries[first].tunnel;
	return n;
}

struct xfrm_tunnels *
xfrm_tunnels_create(const struct gateway *gw)
{
	size_t addresses = gw->n_tunnels + (size_t)PORTS_MAX * PORT_ADDRESSES_MAX;
	struct xfrm_tunnels *tunnels = calloc(1, sizeof(*tunnels));

	if (tunnels == NULL)
		return NULL;
	tunnels->by_if_id.entries = calloc(gw->n_tunnels + 1, sizeof(struct entry));
	tunnels->by_addresses.entries = calloc(gw->n_tunnels + 1, sizeof(struct entry));
	tunnels->ours.entries = calloc(addresses, sizeof(struct entry));
	if (tunnels->by_if_id.entries == NULL || tunnels->by_addresses.entries == NULL ||
		tunnels->ours.entries == NULL) {
		xfrm_tunnels_destroy(tunnels);
		return NULL;
	}
	for (unsigned i = 0; i < gw->n_tunnels; i++) {
		struct tunnel *tunnel = &gw->tunnels[i];

		add(&tunnels->by_if_id, tunnel->if_id, tunnel);
		add(&tunnels->by_addresses, pair_name(tunnel->local, tunnel->remote), tunnel);
		add(&tunnels->ours, tunnel->local, tunnel);
	}
	for (unsigned i = 0; i < gw->n_ports; i++)
		for (unsigned j = 0; j < gw->ports[i].n_addresses; j++)
			add(&tunnels->ours, gw->ports[i].addresses[j].address, NULL);
	sort(&tunnels->by_if_id);
	sort(&tunnels->by_addresses);
	sort(&tunnels->ours);
	return tunnels;
}

void
xfrm_tunnels_destroy(struct xfrm_tunnels *tunnels)
{
	if (tunnels == NULL)
		return;
	free(tunnels->by_if_id.entries);
	free(tunnels->by_addresses.entries);
	free(tunnels->ours.entries);
	free(tunnels);
}

bool
xfrm_tunnels_is_ours(const struct xfrm_tunnels *tunnels, uint32_t address)
{
	struct tunnel *ignored;

	return find(&tunnels->ours, address, &ignored) > 0;
}

struct tunnel *
xfrm_tunnels_by_if_id(const struct xfrm_tunnels *tunnels, uint32_t if_id)
{
	struct tunnel *tunnel = NULL;

	find(&tunnels->by_if_id, if_id, &tunnel);
	return tunnel;
}

unsigned
xfrm_tunnels_between(
	const struct xfrm_tunnels *tunnels, uint32_t local, uint32_t remote, struct tunnel **tunnel)
{
	unsigned named = find(&tunnels->by_addresses, pair_name(local, remote), tunnel);

	return named > 0 ? named : find(&tunnels->by_addresses, pair_name(local, 0), tunnel);
}
