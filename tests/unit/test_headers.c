/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dice.h"
#include "headers.h"
#include "ipv4.h"

/*
 * What the vectors say of headers, against what is said of one at a time: a header that they prove
 * good is good, with the same columns; and one of the common kind is proven.
 */

#define SEED 7
#define ROUNDS 2000
#define FRAME_BYTES 64

struct frames {
	uint8_t ip[BURST_PKTS][FRAME_BYTES] __attribute__((aligned(4)));
	int32_t room[BURST_PKTS];
	bool common[BURST_PKTS]; /* nothing about it is odd */
};

static const uint8_t protocols[] = { 1, 6, 17, 17, 33, 50, 50, 132, 136, 4, 255 };

static struct rte_ipv4_hdr *
header_of(struct frames *frames, unsigned i)
{
	return (struct rte_ipv4_hdr *)frames->ip[i];
}

/* A good header without options, of random fields. */
static void
draw_good(struct frames *frames, unsigned i)
{
	struct rte_ipv4_hdr *ip = header_of(frames, i);
	uint32_t src, dst;

	for (unsigned at = 0; at < FRAME_BYTES; at++)
		frames->ip[i][at] = (uint8_t)dice_word();
	do {
		src = (uint32_t)dice_word();
		dst = (uint32_t)dice_word();
	} while (!address_may_cross(src) || !address_may_cross(dst));
	frames->room[i] = FRAME_BYTES - (int32_t)dice_below(8);
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->total_length = rte_cpu_to_be_16(
		(uint16_t)(dice_below(2) ? frames->room[i] : 20 + (int32_t)dice_below(36)));
	ip->fragment_offset = dice_below(4) ? IPV4_DF : (rte_be16_t)dice_word();
	ip->time_to_live = (uint8_t)(dice_below(4) ? dice_word() : dice_below(3));
	ip->next_proto_id = protocols[dice_below(sizeof(protocols))];
	ip->src_addr = rte_cpu_to_be_32(src);
	ip->dst_addr = rte_cpu_to_be_32(dst);
	if (dice_below(4) == 0) /* to NAT-T's port, if it is UDP */
		memcpy(frames->ip[i] + 22, (uint8_t[]) { NATT_PORT >> 8, NATT_PORT & 0xff }, 2);
	ipv4_set_checksum(ip);
	frames->common[i] = true;
}

/* Breaks one thing, most often for good. */
static void
spoil(struct frames *frames, unsigned i)
{
	struct rte_ipv4_hdr *ip = header_of(frames, i);

	frames->common[i] = false;
	switch (dice_below(7)) {
	case 0:
		ip->version_ihl = (uint8_t)dice_word();
		break;
	case 1:
		ip->total_length = rte_cpu_to_be_16((uint16_t)dice_below(20));
		break;
	case 2:
		frames->room[i] = (int32_t)dice_below(80) - 20;
		break;
	case 3:
		frames->ip[i][dice_below(20)] ^= (uint8_t)(1u << dice_below(8));
		return; /* with the checksum as it was */
	case 4:
		ip->src_addr = RTE_BE32(127 << 24);
		break;
	case 5:
		ip->dst_addr = rte_cpu_to_be_32((224 + dice_below(32)) << 24);
		break;
	default:
		ip->src_addr = 0;
		break;
	}
	ipv4_set_checksum(ip);
}

static uint32_t
expected_esp(const struct rte_ipv4_hdr *ip)
{
	uint16_t dport;

	memcpy(&dport, (const uint8_t *)(ip + 1) + 2, sizeof(dport));
	if (ipv4_is_fragment(ip))
		return 0;
	if (ip->next_proto_id == IPPROTO_UDP)
		return rte_be_to_cpu_16(ip->total_length) >= 28 && dport == RTE_BE16(NATT_PORT)
			? HEADER_ESP_IN_UDP
			: 0;
	return ip->next_proto_id == IPPROTO_ESP ? HEADER_ESP : 0;
}

/* That of ESP in UDP is left to others. */
static uint32_t
expected_spi(const struct rte_ipv4_hdr *ip)
{
	bool whole = rte_be_to_cpu_16(ip->total_length) >= IPV4_HEADER_BYTES + 8;

	return expected_esp(ip) == HEADER_ESP && whole ? rte_be_to_cpu_32(load_u32(ip + 1)) : 0;
}

/* The header with this third word is as right as before, and differs in TTL and checksum alone. */
static void
assert_one_hop_on(const struct rte_ipv4_hdr *ip, uint32_t onward)
{
	uint32_t bytes[60 / 4] = { 0 }; /* as many as a header could have */
	struct rte_ipv4_hdr *next = (struct rte_ipv4_hdr *)bytes;

	*next = *ip;
	ipv4_set_ttl_word(next, onward);
	assert_int_equal(next->time_to_live, ip->time_to_live - 1);
	assert_int_equal(next->next_proto_id, ip->next_proto_id);
	assert_int_equal(ipv4_sum(next, IPV4_HEADER_BYTES), 0xffff);
	ipv4_set_checksum(next);
	assert_int_equal(next->hdr_checksum, (rte_be16_t)(onward >> 16));
}

static void
compare(struct ip_burst *burst, struct frames *frames, unsigned i)
{
	const struct rte_ipv4_hdr *ip = header_of(frames, i);
	uint32_t total = rte_be_to_cpu_16(ip->total_length);

	if (burst->verdict[i] & HEADER_ODD) {
		assert_false(frames->common[i]);
		return;
	}
	assert_true(frames->room[i] >= 0);
	assert_int_equal(ipv4_check(ip, (unsigned)frames->room[i]), DROP_NONE);
	assert_int_equal(ipv4_header_bytes(ip), IPV4_HEADER_BYTES);
	assert_int_equal(burst->src[i], rte_be_to_cpu_32(ip->src_addr));
	assert_int_equal(burst->dst[i], rte_be_to_cpu_32(ip->dst_addr));
	assert_int_equal(burst->total[i], total);
	assert_int_equal(burst->hash[i], ipv4_flow_hash(ip, SEED));
	assert_int_equal(burst->verdict[i],
		expected_esp(ip) | (total != (uint32_t)frames->room[i] ? HEADER_PADDED : 0) |
			(ip->time_to_live <= 1 ? HEADER_LAST_HOP : 0));
	assert_int_equal(burst->spi[i], expected_spi(ip));
	assert_int_equal(burst->esp_at[i], IPV4_HEADER_BYTES);
	if (ip->time_to_live > 0)
		assert_one_hop_on(ip, burst->onward[i]);
}

static void
judge_round(headers_judge_fn judge, struct ip_burst *burst, struct frames *frames)
{
	unsigned from = dice_below(BURST_PKTS), to = from + dice_below(BURST_PKTS - from + 1);
	uint32_t all = 0;

	for (unsigned i = 0; i < BURST_PKTS; i++) {
		draw_good(frames, i);
		if (dice_below(3) == 0)
			spoil(frames, i);
		headers_gather(burst, i, frames->ip[i], frames->room[i], 0);
	}
	uint32_t said = judge(burst, from, to, SEED);
	for (unsigned i = from; i < to; i++) {
		compare(burst, frames, i);
		all |= burst->verdict[i];
	}
	assert_int_equal(said, all);
}

static void
vectors_agree_with_one_at_a_time(void **state)
{
	static struct ip_burst burst;
	static struct frames frames;
	unsigned variants = 0;

	(void)state;
	for (headers_judge_fn judge; (judge = headers_variant(variants)) != NULL; variants++) {
		dice_seed(variants + 1);
		for (unsigned round = 0; round < ROUNDS; round++)
			judge_round(judge, &burst, &frames);
	}
	assert_in_range(variants, 1, 3);
}

static void
what_is_known_to_be_odd_stays_odd(void **state)
{
	static struct ip_burst burst;
	static struct frames frames;

	(void)state;
	dice_seed(1);
	draw_good(&frames, 0);
	headers_gather(&burst, 0, frames.ip[0], frames.room[0], 0x100);
	assert_true(headers_variant(0)(&burst, 0, 1, SEED) & HEADER_ODD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_agree_with_one_at_a_time),
		cmocka_unit_test(what_is_known_to_be_odd_stays_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
