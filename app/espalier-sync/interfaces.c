/* SPDX-License-Identifier: BSD-3-Clause */
#include "interfaces.h"

#include <stdlib.h>

void
interfaces_clear(struct interfaces *interfaces)
{
	free(interfaces->links);
	free(interfaces->addresses);
	*interfaces = (struct interfaces) { 0 };
}

/* Room for one more of `bytes` each; NULL: no memory, and what was there stays. */
static void *
make_room(void *array, uint32_t n, uint32_t *room, size_t bytes)
{
	uint32_t wanted = *room == 0 ? 64 : *room * 2;

	if (n < *room)
		return array;
	void *moved = realloc(array, wanted * bytes);
	if (moved != NULL)
		*room = wanted;
	return moved;
}

bool
interfaces_add_link(struct interfaces *interfaces, const struct learned_link *link)
{
	void *links = make_room(
		interfaces->links, interfaces->n_links, &interfaces->links_room, sizeof(*link));

	if (links == NULL)
		return false;
	interfaces->links = links;
	interfaces->links[interfaces->n_links++] = *link;
	return true;
}

bool
interfaces_add_address(struct interfaces *interfaces, const struct learned_address *address)
{
	void *addresses = make_room(interfaces->addresses, interfaces->n_addresses,
		&interfaces->addresses_room, sizeof(*address));

	if (addresses == NULL)
		return false;
	interfaces->addresses = addresses;
	interfaces->addresses[interfaces->n_addresses++] = *address;
	return true;
}

/* Both structures begin with the interface's index. */
static int
compare(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

void
interfaces_settle(struct interfaces *interfaces)
{
	if (interfaces->n_links > 0)
		qsort(interfaces->links, interfaces->n_links, sizeof(interfaces->links[0]),
			compare);
	if (interfaces->n_addresses > 0)
		qsort(interfaces->addresses, interfaces->n_addresses,
			sizeof(interfaces->addresses[0]), compare);
}

const struct learned_link *
interfaces_find(const struct interfaces *interfaces, uint32_t ifindex)
{
	if (interfaces->n_links == 0)
		return NULL;
	return bsearch(&ifindex, interfaces->links, interfaces->n_links,
		sizeof(interfaces->links[0]), compare);
}

bool
interfaces_connects(const struct interfaces *interfaces, uint32_t ifindex, struct prefix prefix)
{
	uint32_t low = 0, high = interfaces->n_addresses;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (interfaces->addresses[middle].ifindex < ifindex)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < interfaces->n_addresses && interfaces->addresses[low].ifindex == ifindex;
		low++) {
		struct prefix own = interfaces->addresses[low].prefix;

		if (own.bits == prefix.bits && prefix_covers(prefix, own.address))
			return true;
	}
	return false;
}
