/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include <rte_ip.h>

#include "burst.h"
#include "bytes.h"

/*
 * IPv4 headers in columns: the words of a burst's headers are gathered first and judged side by
 * side, in vectors as wide as the CPU has. What is as nearly all packets are is proven so here. Of
 * anything else only that is said, and whoever asks looks at the packet itself, with ipv4_check().
 */

enum header_verdict {
	/* Not proven good: it has options, or something is wrong with it. Columns mean nothing. */
	HEADER_ODD = 1,
	HEADER_PADDED = 2, /* more bytes follow than the packet has */
	/* An SA of ours could want it: it is no fragment, and ESP, or UDP to port 4500. */
	HEADER_ESP = 4,
	HEADER_ESP_IN_UDP = 8,
	/* RFC 1812 5.3.1: its TTL would be zero one hop on. */
	HEADER_LAST_HOP = 16,
};

#define HEADER_CANDIDATE (HEADER_ESP | HEADER_ESP_IN_UDP)

/* Judges packets [from, to) of a burst, sets their columns, and returns all verdicts together. The
 * SPI of what is ESP in UDP is left to whoever needs it. */
typedef uint32_t (*headers_judge_fn)(
	struct ip_burst *burst, unsigned from, unsigned to, uint32_t seed);

/* The variants that this CPU can run, fastest first; NULL behind the last. Any thread. */
headers_judge_fn headers_variant(unsigned place);

/* Of the first word of a header. */
static inline uint8_t
header_tos(const struct ip_burst *burst, unsigned i)
{
	return (uint8_t)(burst->word[0][i] >> 8);
}

/*
 * Copies the words of the header at `ip` into place i. `room`: bytes from there to the frame's end,
 * negative where there are none; 24 can be read in any case. `odd`: not zero, if the packet is
 * known to be.
 */
static inline void
headers_gather(struct ip_burst *burst, unsigned i, const void *ip, int32_t room, uint32_t odd)
{
	const uint8_t *words = ip;

	burst->word[0][i] = load_u32(words);
	burst->word[1][i] = load_u32(words + 4);
	burst->word[2][i] = load_u32(words + 8);
	burst->src[i] = load_u32(words + 12);
	burst->dst[i] = load_u32(words + 16);
	burst->behind[i] = load_u32(words + 20);
	burst->room[i] = room;
	burst->verdict[i] = odd;
}

/* Sets the columns of place i, its verdict among them, from a header that ipv4_check() passed. It
 * is no candidate yet. */
void headers_fill(struct ip_burst *burst, unsigned i, const struct rte_ipv4_hdr *ip, uint32_t seed);
