/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include "config.h"

/*
 * Where the gateway should send what: the routes and connected networks of its file, by longest
 * prefix match. Written apart from the gateway's own look-up, since this is what that one is
 * checked with.
 */

enum place_kind { PLACE_ROUTE, PLACE_CONNECTED, PLACE_LOCAL };

struct place {
	struct prefix prefix;
	enum place_kind kind;
	unsigned port;                    /* CONNECTED */
	const struct config_route *route; /* ROUTE */
	int parent;                       /* the next shorter prefix that covers it; -1: none */
};

struct atlas {
	struct place *places; /* sorted by address, shorter prefixes first */
	unsigned n;
};

#define ATLAS_NO_PORT UINT32_MAX

/* 0 or -ENOMEM. `config` must outlive it. */
int atlas_create(struct atlas *atlas, const struct config *config);
void atlas_destroy(struct atlas *atlas);

/* The longest prefix that covers an address, or NULL. */
const struct place *atlas_find(const struct atlas *atlas, uint32_t address);

/* The port by which packets to that address leave the gateway, outer headers of a tunnel not
 * considered; of several, the first. ATLAS_NO_PORT: none. */
unsigned atlas_port(const struct atlas *atlas, uint32_t address);
