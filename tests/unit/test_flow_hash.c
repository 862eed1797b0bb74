/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "compiler.h"
#include "dice.h"
#include "ecmp.h"
#include "flow_hash.h"

/* What the reference scenario promises: 3000 flows over three tunnels, each 33.3 % +- 3 points. */

#define FLOWS 3000
#define MEMBERS 3
#define TCP 6
#define UDP 17

struct flow {
	uint32_t src, dst;
	uint8_t protocol;
	uint16_t sport, dport;
};

static const uint32_t seeds[] = { 0, 1, 2, 42, 0x5eed, 0x80000000, 0xdeadbeef, UINT32_MAX };

static uint32_t
hash_of(const struct flow *flow, uint32_t seed)
{
	return flow_hash(seed, flow->src, flow->dst, flow->protocol,
		(uint32_t)flow->sport << 16 | flow->dport);
}

static void
assert_balanced(const struct flow flows[], const char *what)
{
	const struct ecmp_member members[MEMBERS] = {
		{ .id = 1, .weight = 1, .up = true },
		{ .id = 2, .weight = 1, .up = true },
		{ .id = 3, .weight = 1, .up = true },
	};
	struct ecmp_table table;

	ecmp_build(&table, members, MEMBERS, NULL);
	for (size_t s = 0; s < ARRAY_LEN(seeds); s++) {
		unsigned share[MEMBERS] = { 0 };

		for (unsigned i = 0; i < FLOWS; i++)
			share[table.active[ecmp_bucket(hash_of(&flows[i], seeds[s]))]]++;
		for (unsigned m = 0; m < MEMBERS; m++) {
			double percent = 100.0 * share[m] / FLOWS;

			if (percent < 100.0 / MEMBERS - 3 || percent > 100.0 / MEMBERS + 3)
				fail_msg("%s, seed 0x%x: member %u carries %.1f %%", what, seeds[s],
					m, percent);
		}
	}
}

static void
random_flows_spread(void **state)
{
	struct flow flows[FLOWS];

	(void)state;
	dice_seed(1);
	for (unsigned i = 0; i < FLOWS; i++)
		flows[i] = (struct flow) { .src = (uint32_t)dice_word(),
			.dst = (uint32_t)dice_word(),
			.protocol = dice_word() & 1 ? TCP : UDP,
			.sport = (uint16_t)dice_word(),
			.dport = (uint16_t)dice_word() };
	assert_balanced(flows, "random flows");
}

/* A scanner, a load test, a rack of clients: only one field counts up. A linear hash fails here. */
static void
consecutive_flows_spread(void **state)
{
	static const struct flow first = { 0x0a000001, 0xc0a80001, TCP, 32768, 443 };
	struct flow flows[4][FLOWS];

	(void)state;
	for (unsigned i = 0; i < FLOWS; i++) {
		for (unsigned kind = 0; kind < ARRAY_LEN(flows); kind++)
			flows[kind][i] = first;
		flows[0][i].src += i;
		flows[1][i].dst += i;
		flows[2][i].sport = (uint16_t)(first.sport + i);
		flows[3][i].dport = (uint16_t)(first.dport + i);
	}
	assert_balanced(flows[0], "consecutive sources");
	assert_balanced(flows[1], "consecutive destinations");
	assert_balanced(flows[2], "consecutive source ports");
	assert_balanced(flows[3], "consecutive destination ports");
}

/* Each field and the seed must matter: flip one bit of it, and half of the hash's bits differ. */
static void
every_bit_reaches_the_hash(void **state)
{
	struct flow flow = { 0x0a000001, 0xc0a80001, TCP, 32768, 443 };
	uint32_t plain = hash_of(&flow, 7);

	(void)state;
	for (unsigned bit = 0; bit < 32; bit++) {
		struct flow changed[] = { flow, flow, flow, flow, flow };

		changed[0].src ^= UINT32_C(1) << bit;
		changed[1].dst ^= UINT32_C(1) << bit;
		changed[2].sport ^= UINT32_C(1) << bit % 16;
		changed[3].dport ^= UINT32_C(1) << bit % 16;
		changed[4].protocol ^= UINT32_C(1) << bit % 8;
		for (size_t i = 0; i < ARRAY_LEN(changed); i++)
			assert_in_range(__builtin_popcount(plain ^ hash_of(&changed[i], 7)), 6, 26);
		assert_in_range(
			__builtin_popcount(plain ^ hash_of(&flow, 7 ^ UINT32_C(1) << bit)), 6, 26);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_flows_spread),
		cmocka_unit_test(consecutive_flows_spread),
		cmocka_unit_test(every_bit_reaches_the_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
