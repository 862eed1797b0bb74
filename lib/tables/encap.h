/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "drops.h"
#include "tunnel.h"

/* Building a tunnel's encap from its SA, the routes and the neighbors. Control only. */

struct gateway;
struct neighbor;
struct slab;

/* What it is to be built for. */
struct encap_wish {
	struct sa *sa;         /* NULL: there is nothing to send on, and `drop` says why */
	uint32_t towards;      /* outer destination; 0: nobody knows yet */
	enum drop_reason drop; /* DROP_NONE: it sends if there is a way */
	bool hold;             /* see struct encap */
	const struct selector_set *selectors;
};

/*
 * Writes the whole of `encap`. Where the way to the remote end is missing, this function finds the
 * reason. Returns the neighbor that the way depends on, NULL where there is none.
 */
const struct neighbor *encap_build(const struct gateway *gw, const struct tunnel *tunnel,
	const struct encap_wish *wish, struct encap *encap);

/* Largest inner IPv4 packet with that SA's suite in an outer one of that size; 0 where none fits.
 * Pure. */
uint16_t encap_mtu(uint16_t outer_mtu, const struct crypto_key *key, bool udp);

/*
 * Memory for an encap that sends on `sa`: next to that SA while there is room, so that what a
 * packet needs of both lies together, which with thousands of tunnels saves it some of its way to
 * memory; else, or for NULL, of its own. `sa` is outbound. The caller writes all of it, `sa`
 * included, which encap_free() reads. NULL: out of memory.
 */
struct encap *encap_alloc(struct slab *slab, struct sa *sa);
/* An encap that no worker can reach any more, and whose SA is still there. */
void encap_free(struct encap *encap);
