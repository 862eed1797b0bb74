/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "bytes.h"
#include "compiler.h"
#include "drops.h"
#include "flow_hash.h"
#include "prefix.h"

/* What the stages need to know of an IPv4 header (RFC 791, RFC 1812 section 5.2.2). */

#define IPV4_HEADER_BYTES sizeof(struct rte_ipv4_hdr)
#define UDP_HEADER_BYTES 8
#define NATT_PORT 4500 /* RFC 3948 */
#define IPV4_FRAGMENT_MASK RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)
#define IPV4_DF RTE_BE16(RTE_IPV4_HDR_DF_FLAG)

/* The ECN field, the low bits of TOS (RFC 3168 5). */
#define ECN_MASK 3
#define ECN_NOT_ECT 0
#define ECN_ECT_1 1
#define ECN_ECT_0 2
#define ECN_CE 3

static inline bool
ipv4_is_fragment(const struct rte_ipv4_hdr *ip)
{
	return (ip->fragment_offset & IPV4_FRAGMENT_MASK) != 0;
}

static inline unsigned
ipv4_header_bytes(const struct rte_ipv4_hdr *ip)
{
	return (ip->version_ihl & RTE_IPV4_HDR_IHL_MASK) * RTE_IPV4_IHL_MULTIPLIER;
}

/* Folds a one's complement sum to 16 bits. */
static inline uint16_t
ipv4_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

/* The header's one's complement sum, checksum field included, as native 16-bit words: 0xffff when
 * it is right (RFC 1071). */
static inline uint16_t
ipv4_sum(const struct rte_ipv4_hdr *ip, unsigned header_bytes)
{
	const uint8_t *bytes = (const uint8_t *)ip;
	uint64_t sum = (uint64_t)load_u32(bytes) + load_u32(bytes + 4) + load_u32(bytes + 8) +
		load_u32(bytes + 12) + load_u32(bytes + 16);

	for (unsigned i = IPV4_HEADER_BYTES; i < header_bytes; i += 4)
		sum += load_u32(bytes + i);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	return ipv4_fold((uint32_t)sum);
}

/* RFC 1812 5.2.6: source routing is not honoured, for it would lead around selectors. True: the
 * options are malformed or ask for it. */
bool ipv4_bad_options(const struct rte_ipv4_hdr *ip, unsigned header_bytes);

/*
 * The header checks of RFC 1812 5.2.2 on `room` bytes that begin with an IPv4 header: DROP_NONE,
 * DROP_bad_header or DROP_martian. On DROP_NONE the total length is within `room` and at least the
 * header's.
 */
static inline enum drop_reason
ipv4_check(const struct rte_ipv4_hdr *ip, unsigned room)
{
	unsigned header_bytes;

	if (unlikely(room < IPV4_HEADER_BYTES || (ip->version_ihl >> 4) != 4))
		return DROP_bad_header;
	header_bytes = ipv4_header_bytes(ip);
	unsigned total = rte_be_to_cpu_16(ip->total_length);
	if (unlikely(header_bytes < IPV4_HEADER_BYTES || total < header_bytes || total > room))
		return DROP_bad_header;
	if (unlikely(ipv4_sum(ip, header_bytes) != 0xffff))
		return DROP_bad_header;
	if (unlikely(header_bytes > IPV4_HEADER_BYTES && ipv4_bad_options(ip, header_bytes)))
		return DROP_bad_header;
	if (unlikely(!address_may_cross(rte_be_to_cpu_32(ip->src_addr)) ||
		    !address_may_cross(rte_be_to_cpu_32(ip->dst_addr))))
		return DROP_martian;
	return DROP_NONE;
}

/* The flow hash of a packet that ipv4_check() passed. */
static inline uint32_t
ipv4_flow_hash(const struct rte_ipv4_hdr *ip, uint32_t seed)
{
	unsigned header_bytes = ipv4_header_bytes(ip);
	uint32_t ports = 0;

	if (likely(flow_has_ports(ip->next_proto_id) && !ipv4_is_fragment(ip) &&
		    rte_be_to_cpu_16(ip->total_length) >= header_bytes + 4))
		ports = rte_be_to_cpu_32(load_u32((const uint8_t *)ip + header_bytes));
	return flow_hash(seed, rte_be_to_cpu_32(ip->src_addr), rte_be_to_cpu_32(ip->dst_addr),
		ip->next_proto_id, ports);
}

/* The third word of a header: TTL, protocol, checksum, as they lie in memory. */
static inline uint32_t
ipv4_ttl_word(const struct rte_ipv4_hdr *ip)
{
	return load_u32(&ip->time_to_live);
}

static inline void
ipv4_set_ttl_word(struct rte_ipv4_hdr *ip, uint32_t word)
{
	store_u32(&ip->time_to_live, word);
}

/*
 * That word one hop on: takes one from the TTL, which is more than zero, and patches the checksum.
 * The TTL is the high byte of its 16 bits, so the complement grows by 0x0100. The end-around carry
 * includes 0xffff, which a checksum made afresh never is (RFC 1624 3).
 */
static inline uint32_t
ipv4_one_hop_on(uint32_t ttl_word)
{
	uint32_t sum = (ttl_word >> 16) + RTE_BE16(0x0100);

	return (sum + (sum >= UINT16_MAX)) << 16 | ((ttl_word - 1) & UINT16_MAX);
}

/* Writes the header's checksum from scratch. */
static inline void
ipv4_set_checksum(struct rte_ipv4_hdr *ip)
{
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (rte_be16_t)~ipv4_sum(ip, ipv4_header_bytes(ip));
}
