/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "interfaces.h"
#include "netlink.h"
#include "nexthops.h"
#include "rib.h"

/* From what a source has for a prefix to what Espalier shall have, and to the message that says so.
 */

/* Which of a source's protocols count. FRR's are those that it tells by FPM, too. */
enum protocols {
	PROTOCOLS_ALL,
	PROTOCOLS_BUT_FRR, /* of the kernel's, while FPM is on */
	PROTOCOLS_FRR,     /* of FPM's */
};

struct translation {
	const struct interfaces *interfaces;
	struct nexthops *nexthops; /* of the source */
	enum protocols protocols;
};

/* A route as Espalier has it: ways in order, each once, their weights without common factor, 256 at
 * most. */
struct espalier_route {
	uint8_t protocol;
	uint8_t type; /* RTN_UNICAST, or one of those that drop */
	uint8_t n_hops;
	struct hop hops[LEARNED_HOPS_MAX];
};

/* Is it one of FRR's protocols? */
bool translate_is_frr(uint8_t protocol);

/* What the best route of a prefix comes to. The result counts with RIB_CARRIED alone. */
enum rib_verdict translate_entry(const struct translation *translation,
	const struct rib_entry *entry, struct espalier_route *route);

/* Brings ways into the form of struct espalier_route. */
void translate_normalize(const struct interfaces *interfaces, struct espalier_route *route);
bool translate_same(const struct espalier_route *one, const struct espalier_route *other);
/* Do packets go the same ways, whoever told the routes? */
bool translate_same_ways(const struct espalier_route *one, const struct espalier_route *other);

/* One whole message, without NLM_F_ACK. 0 or -EMSGSIZE, as netlink_commit(). */
int translate_write_new(struct netlink_writer *writer, uint32_t sequence, struct prefix prefix,
	const struct espalier_route *route);
int translate_write_delete(
	struct netlink_writer *writer, uint32_t sequence, struct prefix prefix, uint8_t protocol);
