/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <netinet/in.h>

#include <rte_hash_crc.h>

#define FLOW_BIT(protocol) (UINT64_C(1) << ((protocol)&63))

/* Protocols whose first four bytes are a source and a destination port. */
static inline bool
flow_has_ports(uint8_t protocol)
{
	static const uint64_t with_ports[4] = {
		[0] = FLOW_BIT(IPPROTO_TCP) | FLOW_BIT(IPPROTO_UDP) | FLOW_BIT(IPPROTO_DCCP),
		[2] = FLOW_BIT(IPPROTO_SCTP) | FLOW_BIT(IPPROTO_UDPLITE),
	};

	return with_ports[protocol >> 6] & FLOW_BIT(protocol);
}

/*
 * The flow hash: seeded, our own, so that a flow takes the same path behind every NIC. CRC-32C is
 * linear, hence the final mixing: a linear hash of consecutive addresses would fill the buckets in
 * stripes. `src` and `dst` in host order; `ports` is (source << 16 | destination), 0 for what has
 * none and for every fragment, the first one too, so that all fragments of a packet take one path.
 */
static inline uint32_t
flow_hash(uint32_t seed, uint32_t src, uint32_t dst, uint8_t protocol, uint32_t ports)
{
	uint32_t hash = seed;

	hash = rte_hash_crc_8byte((uint64_t)src << 32 | dst, hash);
	hash = rte_hash_crc_8byte((uint64_t)ports << 32 | protocol, hash);
	/* The finaliser of MurmurHash3 (public domain): every input bit reaches every output bit.
	 */
	hash ^= hash >> 16;
	hash *= 0x85ebca6bU;
	hash ^= hash >> 13;
	hash *= 0xc2b2ae35U;
	hash ^= hash >> 16;
	return hash;
}
