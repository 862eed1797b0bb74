/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ip.h>
#include <rte_udp.h>

/*
 * What each packet carries behind its UDP header, so that the far end can tell everything: which
 * run, flow and place in the flow it is, when it was sent, and that no byte changed. 20 bytes, and
 * a pattern that depends on flow and sequence up to the packet's end.
 */

#define PAYLOAD_BYTES 20
#define HEADERS_BYTES (sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr)) /* before it */
#define INNER_TTL 64                                                             /* when sent */

struct payload {
	uint32_t id;       /* of the trial; what has another one is not ours */
	uint32_t flow;     /* number */
	uint32_t sequence; /* within the flow, from 1 */
	uint32_t stamp;    /* time stamp counter when it was made: see payload_stamp() */
};

enum payload_verdict { PAYLOAD_GOOD, PAYLOAD_FOREIGN, PAYLOAD_CORRUPTED };

/* Fills the table of patterns. Once, at start. */
void payload_init(void);

/* Writes `bytes` (at least PAYLOAD_BYTES). Any worker. */
void payload_write(uint8_t *at, unsigned bytes, const struct payload *payload);

/* Reads what says who it is: GOOD, FOREIGN when its trial is not `id`, CORRUPTED when these bytes
 * changed. Any worker. */
enum payload_verdict
payload_read(const uint8_t *at, unsigned bytes, uint32_t id, struct payload *payload);

/* Is the pattern behind it as it was sent? Any worker. */
bool payload_intact(const uint8_t *at, unsigned bytes, const struct payload *payload);

/* The counter in 32 bits: four cycles a step, so that some seconds fit. */
#define PAYLOAD_STAMP_SHIFT 2

static inline uint32_t
payload_stamp(uint64_t tsc)
{
	return (uint32_t)(tsc >> PAYLOAD_STAMP_SHIFT);
}

/* Cycles between a stamp and now, up to 2^34. */
static inline uint64_t
payload_age(uint32_t stamp, uint64_t tsc)
{
	return (uint64_t)(uint32_t)(payload_stamp(tsc) - stamp) << PAYLOAD_STAMP_SHIFT;
}

/* Random bits that both ends make of flow and sequence. */
static inline uint32_t
payload_dice(uint32_t flow, uint32_t sequence)
{
	uint32_t hash = flow * 0x9e3779b1U ^ sequence;

	hash ^= hash >> 16;
	hash *= 0x85ebca6bU;
	hash ^= hash >> 13;
	hash *= 0xc2b2ae35U;
	return hash ^ hash >> 16;
}
