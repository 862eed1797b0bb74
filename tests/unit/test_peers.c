/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include "flow_hash.h"
#include "peers.h"

/* Who is a peer: a table of hints. */

/* Addresses that want the same row. */
static void
find_rivals(uint32_t rivals[], unsigned n)
{
	uint32_t row = flow_hash(0, IP(192, 0, 2, 1), 0, 0, 0) % PEERS_ROWS;
	uint32_t address = IP(192, 0, 2, 1);

	for (unsigned found = 0; found < n; address++)
		if (flow_hash(0, address, 0, 0, 0) % PEERS_ROWS == row)
			rivals[found++] = address;
}

static void
a_row_has_place_for_some(void **state)
{
	struct peers *peers = ((struct fixture *)*state)->gw->peers;
	uint32_t rivals[PEERS_IN_A_ROW + 1];

	find_rivals(rivals, PEERS_IN_A_ROW + 1);
	assert_false(peers_know(peers, 0));
	for (unsigned i = 0; i < PEERS_IN_A_ROW; i++) {
		peers_add(peers, rivals[i]);
		peers_add(peers, rivals[i]); /* once is enough */
	}
	for (unsigned i = 0; i < PEERS_IN_A_ROW; i++)
		assert_true(peers_know(peers, rivals[i]));
	assert_false(peers_know(peers, rivals[PEERS_IN_A_ROW]));
	peers_add(peers, rivals[PEERS_IN_A_ROW]);
	assert_true(peers_know(peers, rivals[PEERS_IN_A_ROW]));
	assert_true(peers_know(peers, rivals[PEERS_IN_A_ROW - 1]));
}

static void
whoever_has_an_sa_is_known(void **state)
{
	struct fixture *fixture = *state;
	struct sa_spec spec = fixture_sa(fixture, SA_OUT, 2, 0x1001);

	assert_true(peers_know(fixture->gw->peers, fixture->gw->tunnels[0].remote));
	spec.destination = IP(8, 8, 8, 8);
	assert_false(peers_know(fixture->gw->peers, spec.destination));
	fixture_add(fixture, &spec);
	assert_true(peers_know(fixture->gw->peers, spec.destination));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_row_has_place_for_some),
		TEST(whoever_has_an_sa_is_known),
	};

	return cmocka_run_group_tests(tests, fixture_start_dpdk, fixture_stop_dpdk);
}
