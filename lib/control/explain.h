/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include <jansson.h>

struct gateway;

/* A packet in thought: whole, with a good header and a TTL to spare. */
struct explain_flow {
	uint32_t from, to; /* host order */
	uint8_t protocol;
	uint16_t sport, dport; /* count only where the protocol has ports; of ICMP, type and code
				  for selectors */
};

/*
 * What would become of that packet now: the lookups that a worker does, on the tables that workers
 * read. {route, nexthop, bucket, tunnel, spi}, null where one does not apply; with {drop,
 * description} where it would be dropped. A new reference; NULL: out of memory. Control only.
 */
json_t *explain_flow(const struct gateway *gw, const struct explain_flow *flow);
