/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include <jansson.h>

#include "counters.h"
#include "nexthop.h"
#include "prefix.h"

/*
 * Puts a value, whose reference passes over, into a row. A row in which memory ran out becomes
 * NULL and stays so.
 */
void render_set(json_t **row, const char *key, json_t *value);

/*
 * Values as the JSON answers spell them. Each returns a new reference, or NULL when memory is out,
 * which render_set() passes on. Control only.
 */

json_t *render_address(uint32_t address);
json_t *render_prefix(struct prefix prefix);
json_t *render_prefixes(const struct prefix prefixes[], unsigned n);
json_t *render_mac(const struct rte_ether_addr *mac);
/* "0x00001001" */
json_t *render_spi(uint32_t spi);
/* A counter. JSON knows no 64-bit unsigned integers in our library: what passes 2^63 becomes a
 * real. */
json_t *render_count(uint64_t count);
/* {packets, bytes} */
json_t *render_traffic(const struct traffic *traffic);
/* A name or text from elsewhere; where it is no UTF-8, its odd bytes become '?'. NULL gives null.
 */
json_t *render_text(const char *text);
/* {tunnel, weight} | {port, gateway, weight} | {local} | {drop} */
json_t *render_nexthop(const struct gateway *gw, const struct nexthop_spec *spec);
