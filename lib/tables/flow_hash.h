/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <netinet/in.h>

/*
 * The flow hash: seeded, our own, so that a flow takes the same path behind every NIC. All of this
 * is plain arithmetic without branches, so that the compiler does a burst of packets side by side.
 */

/* Protocols whose first four bytes are a source and a destination port. */
static inline bool
flow_has_ports(uint32_t protocol)
{
	return (protocol == IPPROTO_TCP) | (protocol == IPPROTO_UDP) | (protocol == IPPROTO_SCTP) |
		(protocol == IPPROTO_UDPLITE) | (protocol == IPPROTO_DCCP);
}

static inline uint32_t
flow_hash_rotate(uint32_t word, unsigned bits)
{
	return word << bits | word >> (32 - bits);
}

/* One word of MurmurHash3 (x86_32; public domain). */
static inline uint32_t
flow_hash_mix(uint32_t hash, uint32_t word)
{
	hash ^= flow_hash_rotate(word * 0xcc9e2d51U, 15) * 0x1b873593U;
	return flow_hash_rotate(hash, 13) * 5 + 0xe6546b64U;
}

/*
 * `src` and `dst` in host order; `ports` is (source << 16 | destination), 0 for what has none and
 * for every fragment, the first one too, so that all fragments of a packet take one path.
 */
static inline uint32_t
flow_hash(uint32_t seed, uint32_t src, uint32_t dst, uint32_t protocol, uint32_t ports)
{
	uint32_t hash = seed;

	hash = flow_hash_mix(hash, src);
	hash = flow_hash_mix(hash, dst);
	hash = flow_hash_mix(hash, ports);
	hash = flow_hash_mix(hash, protocol);
	/* Its finaliser: every input bit reaches every output bit. */
	hash ^= 4 * sizeof(uint32_t); /* bytes hashed */
	hash ^= hash >> 16;
	hash *= 0x85ebca6bU;
	hash ^= hash >> 13;
	hash *= 0xc2b2ae35U;
	hash ^= hash >> 16;
	return hash;
}
