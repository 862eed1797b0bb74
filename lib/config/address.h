/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "prefix.h"

/* Addresses read from text. The parsers take exactly one spelling, and say in words what is wrong
 * with another. Pure. */

#define WHY_BYTES 160

/* False with the reason in `why`. Addresses come in host order; host bits of a prefix are kept. */
bool address_parse(const char *text, uint32_t *address, char why[WHY_BYTES]);
bool prefix_parse(const char *text, struct prefix *prefix, char why[WHY_BYTES]);
bool mac_parse(const char *text, uint8_t mac[6], char why[WHY_BYTES]);

/* Is it the network's own or its broadcast address? A /31 (RFC 3021) and a /32 have neither. */
bool prefix_is_edge(struct prefix prefix, uint32_t address);
