/* SPDX-License-Identifier: BSD-3-Clause */
#include "headers.h"

#include <rte_esp.h>

#include "ipv4.h"

/* Native 32-bit loads of what stands in network order: a field of 16 bits lies in the low or the
 * high half, swapped. */
#define LOW_HALF 0xffff
#define TTL_MASK 0xff
#define VERSION_IHL_MASK RTE_BE32(UINT32_C(0xff000000))
#define FRAGMENT_MASK RTE_BE32((uint32_t)(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK))
#define PLAIN_HEADER RTE_BE32((uint32_t)RTE_IPV4_VHL_DEF << 24)
#define PORTS_BYTES sizeof(uint32_t)
#define ESP_HEADER_BYTES sizeof(struct rte_esp_hdr)

_Static_assert(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN, "halves of words are told apart");

static inline uint32_t
halves(uint32_t word)
{
	return (word & LOW_HALF) + (word >> 16);
}

/*
 * No branch, no pointer to follow: the compiler turns the loop into vectors. The conditions are
 * those of ipv4_check(), for a header without options, and of ipv4_flow_hash().
 */
static inline __attribute__((always_inline)) uint32_t
judge(struct ip_burst *restrict burst, unsigned from, unsigned to, uint32_t seed)
{
	uint32_t all = 0;

	for (unsigned i = from; i < to; i++) {
		uint32_t word0 = burst->word[0][i], word1 = burst->word[1][i];
		uint32_t word2 = burst->word[2][i];
		uint32_t sum = halves(word0) + halves(word1) + halves(word2) +
			halves(burst->src[i]) + halves(burst->dst[i]);
		uint32_t src = __builtin_bswap32(burst->src[i]);
		uint32_t dst = __builtin_bswap32(burst->dst[i]);
		uint32_t behind = __builtin_bswap32(burst->behind[i]);
		int32_t total = (int32_t)(__builtin_bswap32(word0) & LOW_HALF);
		uint32_t protocol = word2 >> 8 & 0xff;
		uint32_t whole = (word1 & FRAGMENT_MASK) == 0;
		uint32_t has_ports = flow_has_ports(protocol) & whole &
			(total >= (int32_t)(IPV4_HEADER_BYTES + PORTS_BYTES));
		uint32_t esp = (protocol == IPPROTO_ESP) & whole;
		uint32_t natt = (protocol == IPPROTO_UDP) & ((behind & LOW_HALF) == NATT_PORT) &
			(total >= (int32_t)(IPV4_HEADER_BYTES + UDP_HEADER_BYTES)) & whole;
		uint32_t has_spi = esp & (total >= (int32_t)(IPV4_HEADER_BYTES + ESP_HEADER_BYTES));
		uint32_t odd = burst->verdict[i] | ((word0 & VERSION_IHL_MASK) ^ PLAIN_HEADER);

		odd |= (uint32_t)(total < (int32_t)IPV4_HEADER_BYTES) | (total > burst->room[i]);
		odd |= halves(halves(sum)) ^ 0xffff;
		odd |= (uint32_t)!address_may_cross(src) | (uint32_t)!address_may_cross(dst);

		uint32_t verdict = (odd != 0 ? HEADER_ODD : 0) |
			(total != burst->room[i] ? HEADER_PADDED : 0) | (esp ? HEADER_ESP : 0) |
			(natt ? HEADER_ESP_IN_UDP : 0) |
			((word2 & TTL_MASK) <= 1 ? HEADER_LAST_HOP : 0);
		burst->verdict[i] = verdict;
		burst->src[i] = src;
		burst->dst[i] = dst;
		burst->total[i] = (uint32_t)total;
		burst->onward[i] = ipv4_one_hop_on(word2);
		burst->spi[i] = has_spi ? behind : 0;
		burst->esp_at[i] = IPV4_HEADER_BYTES;
		burst->hash[i] = flow_hash(seed, src, dst, protocol, has_ports ? behind : 0);
		all |= verdict;
	}
	return all;
}

static uint32_t
judge_plain(struct ip_burst *burst, unsigned from, unsigned to, uint32_t seed)
{
	return judge(burst, from, to, seed);
}

__attribute__((target("avx2"))) static uint32_t
judge_avx2(struct ip_burst *burst, unsigned from, unsigned to, uint32_t seed)
{
	return judge(burst, from, to, seed);
}

__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))) static uint32_t
judge_avx512(struct ip_burst *burst, unsigned from, unsigned to, uint32_t seed)
{
	return judge(burst, from, to, seed);
}

headers_judge_fn
headers_variant(unsigned place)
{
	const bool avx512 = __builtin_cpu_supports("avx512f") &&
		__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
		__builtin_cpu_supports("avx512vl");
	const bool avx2 = __builtin_cpu_supports("avx2");
	headers_judge_fn variants[4] = { NULL };
	unsigned n = 0;

	if (avx512)
		variants[n++] = judge_avx512;
	if (avx2)
		variants[n++] = judge_avx2;
	variants[n++] = judge_plain;
	return place < n ? variants[place] : NULL;
}

void
headers_fill(struct ip_burst *burst, unsigned i, const struct rte_ipv4_hdr *ip, uint32_t seed)
{
	burst->word[0][i] = load_u32(ip);
	burst->src[i] = rte_be_to_cpu_32(ip->src_addr);
	burst->dst[i] = rte_be_to_cpu_32(ip->dst_addr);
	burst->total[i] = rte_be_to_cpu_16(ip->total_length);
	burst->onward[i] = ipv4_one_hop_on(ipv4_ttl_word(ip));
	burst->verdict[i] = ip->time_to_live <= 1 ? HEADER_LAST_HOP : 0;
	burst->spi[i] = 0;
	burst->hash[i] = ipv4_flow_hash(ip, seed);
}
