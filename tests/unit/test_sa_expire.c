/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include <stdatomic.h>

#include "clock.h"
#include "counters.h"
#include "lifetime.h"

/* How SAs end: by packets, bytes, seconds, and before their numbers wrap. */

static void
outbound_ones_stop_before_they_wrap(void **state)
{
	static const struct {
		bool esn;
		uint64_t used, packets, limit;
		enum drop_reason reason;
	} cases[] = {
		{ false, 0, 0, UINT32_MAX, DROP_sequence_exhausted },
		{ false, UINT32_MAX, 0, UINT32_MAX, DROP_sequence_exhausted },
		{ true, 0, 0, UINT64_MAX - (1u << 20), DROP_sequence_exhausted },
		{ false, 100, 50, 150, DROP_sa_expired },
		{ false, 100, UINT64_MAX, UINT32_MAX, DROP_sequence_exhausted },
		{ false, UINT32_MAX - 10, 50, UINT32_MAX, DROP_sequence_exhausted },
	};
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct sa_spec spec = fixture_sa(fixture, SA_OUT, 0, 0x1001);
		struct traffic traffic;
		struct sa *sa;

		spec.esn = cases[i].esn;
		spec.sequence = cases[i].used;
		spec.lifetime.packets = cases[i].packets;
		fixture_add(fixture, &spec);
		sa = gw->tunnels[0].out;
		assert_int_equal(sa->limit_sequence, cases[i].limit);
		assert_int_equal(sa->limit_reason, cases[i].reason);
		assert_int_equal(atomic_load(&sa->sequence), cases[i].used);
		/* Bursts that met the limit took numbers past it. */
		atomic_store(&sa->sequence, cases[i].limit + 1000);
		sa_traffic(sa, &traffic);
		assert_int_equal(traffic.packets, cases[i].limit - cases[i].used);
		sa_expire(gw, sa->record->installed_ns);
		assert_true(atomic_load(&sa->expired));
		assert_int_equal(gateway_encap(gw, 0)->drop, cases[i].reason);
		assert_int_equal(gw->tunnels[0].state, TUNNEL_NO_SA);
		assert_int_equal(sa_delete(gw, SA_OUT, 0x1001, spec.destination), 0);
	}
}

static void
lifetimes_end(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct sa_spec spec = fixture_sa(fixture, SA_IN, 0, 0x2001);
	struct sa *sa;

	/* Either direction, by the clock. */
	spec.lifetime.seconds = 5;
	fixture_add(fixture, &spec);
	sa = sa_find(gw, SA_IN, 0x2001, spec.destination);
	sa_expire(gw, sa->record->installed_ns + 5 * SECOND_NS - 1);
	assert_false(atomic_load(&sa->expired));
	sa_expire(gw, sa->record->installed_ns + 5 * SECOND_NS);
	assert_true(atomic_load(&sa->expired));
	assert_ptr_equal(fixture_sa_lookup(gw, 0x2001, spec.destination), sa); /* until deleted */

	/* Inbound, by what its owner counted. */
	spec.spi = 0x2002;
	spec.lifetime = (struct sa_lifetime) { .packets = 3, .bytes = 1000 };
	fixture_add(fixture, &spec);
	sa = sa_find(gw, SA_IN, 0x2002, spec.destination);
	assert_int_equal(sa->limit_packets, 3);
	sa->packets_in = 2;
	sa->bytes_in = 999;
	sa_expire(gw, sa->record->installed_ns);
	assert_false(atomic_load(&sa->expired));
	sa->packets_in = 3;
	sa_expire(gw, sa->record->installed_ns);
	assert_true(atomic_load(&sa->expired));

	/* Outbound, by bytes. */
	spec = fixture_sa(fixture, SA_OUT, 0, 0x1001);
	spec.lifetime.bytes = 1000;
	fixture_add(fixture, &spec);
	sa = gw->tunnels[0].out;
	atomic_store(&sa->bytes_out, 1000);
	sa_expire(gw, sa->record->installed_ns);
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_sa_expired);
}

/* As NEWAE does for one that moves here while it is in use. */
static void
a_sequence_raised_to_its_end_ends_it_at_once(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct sa_spec spec = fixture_sa(fixture, SA_OUT, 0, 0x1001);
	struct sa *sa;

	fixture_add(fixture, &spec);
	sa = gw->tunnels[0].out;
	sa_expire(gw, sa->record->installed_ns);
	sa_raise_sequence(gw, sa, UINT32_MAX);
	sa_expire(gw, sa->record->installed_ns);
	assert_true(atomic_load(&sa->expired));
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_sequence_exhausted);
	assert_int_equal(gw->tunnels[0].state, TUNNEL_NO_SA);
}

/* A past that counts what passed here is a wrong one for limits until that is taken off it. */
static void
a_past_told_in_use_moves_no_limit_on_its_way(void **state)
{
	struct fixture *fixture = *state;
	struct sa_spec spec = fixture_sa(fixture, SA_OUT, 0, 0x1001);
	const struct sa_past past = { .packets = 600, .bytes = 60000 };
	struct sa *sa;

	spec.lifetime.packets = 1000;
	fixture_add(fixture, &spec);
	sa = fixture->gw->tunnels[0].out;
	atomic_store(&sa->sequence, 600);
	atomic_store(&sa->bytes_out, 60000);
	lifetime_set_past(sa, &past, sa->record->installed_ns);
	assert_int_equal(sa->limit_sequence, 1000);
	sa->record->past = (struct sa_past) { 0 };
	sa_set_past(fixture->gw, sa, &past);
	assert_int_equal(sa->record->first_sequence, 0);
	assert_int_equal(sa->limit_sequence, 1000);
	assert_int_equal(sa->limit_reason, DROP_sa_expired);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(outbound_ones_stop_before_they_wrap),
		TEST(lifetimes_end),
		TEST(a_past_told_in_use_moves_no_limit_on_its_way),
		TEST(a_sequence_raised_to_its_end_ends_it_at_once),
	};

	return cmocka_run_group_tests(tests, fixture_start_dpdk, fixture_stop_dpdk);
}
