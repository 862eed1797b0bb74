/* SPDX-License-Identifier: BSD-3-Clause */
#include "tunnel_order.h"

#include <stdlib.h>

#include "branch.h"
#include "gateway.h"

struct tunnel_order {
	bool stale;
	struct tunnel *sorted[]; /* [n_tunnels] */
};

struct tunnel_order *
tunnel_order_create(const struct gateway *gw)
{
	struct tunnel_order *order =
		malloc(sizeof(*order) + gw->n_tunnels * sizeof(order->sorted[0]));

	if (order == NULL)
		return NULL;
	order->stale = true;
	for (unsigned i = 0; i < gw->n_tunnels; i++)
		order->sorted[i] = &gw->tunnels[i];
	return order;
}

void
tunnel_order_destroy(struct tunnel_order *order)
{
	free(order);
}

void
tunnel_order_changed(struct tunnel_order *order)
{
	order->stale = true;
}

static int
compare(const void *left, const void *right)
{
	const struct tunnel *const *a = left, *const *b = right;

	return ((*a)->towards > (*b)->towards) - ((*a)->towards < (*b)->towards);
}

/* The first place in the order from which destinations are `address` or above. */
static unsigned
bisect(const struct gateway *gw, uint32_t address)
{
	unsigned low = 0, high = gw->n_tunnels;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (gw->tunnel_order->sorted[middle]->towards < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void
tunnel_refresh_towards(struct gateway *gw, struct prefix prefix)
{
	struct tunnel_order *order = gw->tunnel_order;

	if (order->stale) {
		qsort(order->sorted, gw->n_tunnels, sizeof(order->sorted[0]), compare);
		order->stale = false;
	}
	/* Those that may send to several are few. */
	for (struct tunnel *tunnel = gw->branching, *next; tunnel != NULL; tunnel = next) {
		next = tunnel->next_branching;
		if (branch_leads_into(gw->encaps[tunnel->index]->branches, prefix))
			tunnel_refresh(gw, tunnel);
	}
	/* A refresh leaves the destinations alone: no SA changed. */
	for (unsigned i = bisect(gw, prefix.address); i < gw->n_tunnels; i++) {
		if (!prefix_covers(prefix, order->sorted[i]->towards))
			break;
		tunnel_refresh(gw, order->sorted[i]);
	}
}
