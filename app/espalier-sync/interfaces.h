/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "learned.h"

/* Espalier's ports and tunnels, as it tells of them: by the index of their TAP or TUN. */

struct interfaces {
	struct learned_link *links;
	struct learned_address *addresses;
	uint32_t n_links, n_addresses;
	uint32_t links_room, addresses_room;
};

void interfaces_clear(struct interfaces *interfaces);
/* False: no memory. */
bool interfaces_add_link(struct interfaces *interfaces, const struct learned_link *link);
bool interfaces_add_address(struct interfaces *interfaces, const struct learned_address *address);
/* All are there: puts them in order. Before this nothing is found. */
void interfaces_settle(struct interfaces *interfaces);

/* NULL: it is none of Espalier's. */
const struct learned_link *interfaces_find(const struct interfaces *interfaces, uint32_t ifindex);
/* Is the prefix the network of one of its addresses? */
bool
interfaces_connects(const struct interfaces *interfaces, uint32_t ifindex, struct prefix prefix);
