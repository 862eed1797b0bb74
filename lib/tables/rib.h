/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include "prefix.h"
#include "route.h"

/*
 * The routes of one table as the control core keeps them: in slots that never move, found by prefix
 * through a hash. Pages that no route lies in cost nothing, so room for many is cheap. Control
 * only.
 */

struct rib;

/* NULL: out of memory. */
struct rib *rib_create(uint32_t routes_max);
void rib_destroy(struct rib *rib);

/* The route of exactly that prefix; NULL: there is none. */
struct route *rib_find(const struct rib *rib, struct prefix prefix);
/* A route for a prefix that has none, all zeroes but for it, for the caller to fill in. NULL: there
 * is no room. */
struct route *rib_insert(struct rib *rib, struct prefix prefix);
void rib_remove(struct rib *rib, struct route *route);

/* The longest route around an address that is shorter than `below` bits (33: of any length); NULL:
 * there is none. */
const struct route *rib_match(const struct rib *rib, uint32_t address, uint8_t below);
/* The route in place `cursor` or behind it, which is moved past it; NULL at the end. */
struct route *rib_next(const struct rib *rib, uint32_t *cursor);
uint32_t rib_count(const struct rib *rib);

/* Fetches what rib_find() will look at. */
void rib_prefetch(const struct rib *rib, struct prefix prefix);
