/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include "clock.h"

/* Which SA a tunnel sends on. */

static void
the_newest_usable_one_sends(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct sa_spec older = fixture_sa(fixture, SA_OUT, 0, 0x1001);
	struct sa_spec newer = fixture_sa(fixture, SA_OUT, 0, 0x1002);
	struct sa_spec inbound = fixture_sa(fixture, SA_IN, 0, 0x2001);
	const struct tunnel *tunnel = &gw->tunnels[0];

	fixture_add(fixture, &inbound);
	assert_null(tunnel->out);
	fixture_add(fixture, &older);
	assert_int_equal(tunnel->out->spi, 0x1001);
	newer.lifetime.packets = 10;
	fixture_add(fixture, &newer);
	assert_int_equal(tunnel->out->spi, 0x1002);
	atomic_store(&tunnel->out->sequence, 10);
	sa_expire(gw, tunnel->out->record->installed_ns);
	assert_int_equal(tunnel->out->spi, 0x1001);
	assert_int_equal(sa_delete(gw, SA_OUT, 0x1001, older.destination), 0);
	assert_null(tunnel->out);
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_sa_expired);
}

/* Nanoseconds that a handful of outbound SAs take to be added to a tunnel, the best of some tries.
 */
static uint64_t
time_additions(struct fixture *fixture, uint32_t *spi)
{
	enum { TRIES = 5, SAS = 100 };
	uint64_t best = UINT64_MAX;

	for (unsigned try = 0; try < TRIES; try++) {
		uint64_t begun_ns = clock_now_ns();

		for (unsigned i = 0; i < SAS; i++) {
			struct sa_spec spec = fixture_sa(fixture, SA_OUT, 0, (*spi)++);

			fixture_add(fixture, &spec);
		}
		uint64_t took = clock_now_ns() - begun_ns;
		best = took < best ? took : best;
	}
	return best;
}

/* Looking at each of ten thousand would take fifty times as long. */
static void
a_tunnel_with_many_sas_takes_more_as_fast(void **state)
{
	struct fixture *fixture = *state;
	uint32_t spi = 0x100000;
	uint64_t with_few = time_additions(fixture, &spi);

	for (unsigned i = 0; i < 10000; i++) {
		struct sa_spec spec = fixture_sa(fixture, SA_OUT, 0, spi++);

		fixture_add(fixture, &spec);
	}
	assert_in_range(time_additions(fixture, &spi), 0, 8 * with_few);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_newest_usable_one_sends),
		TEST(a_tunnel_with_many_sas_takes_more_as_fast),
	};

	return cmocka_run_group_tests(tests, fixture_start_dpdk, fixture_stop_dpdk);
}
