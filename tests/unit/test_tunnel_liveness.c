/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include "clock.h"

/* A tunnel that sends and hears nothing is down. */

/* The sixteenth of 300 ms, rounded up, by which it may be found later. */
#define LATE_MS 19
#define LATE_NS (LATE_MS * MILLISECOND_NS)

/* The SAs of a tunnel that packets pass under. */
struct sas {
	struct sa *out, *in;
};

static struct sas
bring_up(struct fixture *fixture)
{
	struct sa_spec in = fixture_sa(fixture, SA_IN, 0, 0x2001);

	fixture_lead_out(fixture->gw);
	fixture_bring_up(fixture);
	fixture_add(fixture, &in);
	return (struct sas) {
		.out = LIST_FIRST(&fixture->gw->tunnels[0].outbound),
		.in = sa_find(fixture->gw, SA_IN, in.spi, in.destination),
	};
}

static void
a_tunnel_that_gets_no_answer_is_down_until_it_does(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct tunnel *tunnel = &gw->tunnels[0];
	uint64_t now = 1000 * MILLISECOND_NS;

	fixture_lead_out(gw);
	struct sas sas = bring_up(fixture);
	tunnel->liveness_ms = 300;
	tunnel_check_liveness(gw, now);
	/* Silence alone is no sign. */
	now += 10000 * MILLISECOND_NS;
	tunnel_check_liveness(gw, now);
	assert_int_equal(tunnel->state, TUNNEL_UP);
	/* It sends and hears. */
	for (unsigned i = 0; i < 100; i++) {
		sas.out->sequence++;
		sas.in->packets_in++;
		now += 10 * MILLISECOND_NS;
		tunnel_check_liveness(gw, now);
		assert_int_equal(tunnel->state, TUNNEL_UP);
	}
	/* Nothing comes for anybody behind us, but it is authentic. */
	for (unsigned i = 0; i < 100; i++) {
		sas.out->sequence++;
		sa_replay(sas.in)->top++;
		now += 10 * MILLISECOND_NS;
		tunnel_check_liveness(gw, now);
		assert_int_equal(tunnel->state, TUNNEL_UP);
	}
	now += LATE_NS;
	tunnel_check_liveness(gw, now);
	/* It sends and hears nothing. */
	sas.out->sequence++;
	now += 299 * MILLISECOND_NS;
	tunnel_check_liveness(gw, now);
	assert_int_equal(tunnel->state, TUNNEL_UP);
	now += LATE_NS;
	tunnel_check_liveness(gw, now);
	assert_int_equal(tunnel->state, TUNNEL_DOWN);
	assert_false(tunnel_carries(tunnel));
	/* It may still ask, or it would never be answered. */
	assert_int_equal(gateway_encap(gw, 0)->drop, DROP_NONE);
	now += 10000 * MILLISECOND_NS;
	tunnel_check_liveness(gw, now);
	assert_int_equal(tunnel->state, TUNNEL_DOWN);
	sas.in->packets_in++;
	tunnel_check_liveness(gw, now);
	assert_int_equal(tunnel->state, TUNNEL_UP);
}

/* Whatever lies between its last packet and the last look. */
static void
it_is_found_neither_early_nor_later_than_a_sixteenth(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct tunnel *tunnel = &gw->tunnels[0];
	uint64_t now = 1000 * MILLISECOND_NS;

	struct sas sas = bring_up(fixture);
	tunnel->liveness_ms = 300;
	for (unsigned heard_ms = 0; heard_ms < 2 * LATE_MS; heard_ms++) {
		unsigned silent_ms = 0;

		sas.in->packets_in++;
		tunnel_check_liveness(gw, now);
		assert_int_equal(tunnel->state, TUNNEL_UP);
		for (unsigned ms = 0; ms < heard_ms; ms++)
			tunnel_check_liveness(gw, now += MILLISECOND_NS);
		sas.in->packets_in++;
		sas.out->sequence++;
		for (; tunnel->state == TUNNEL_UP && silent_ms < 1000; silent_ms++) {
			sas.out->sequence++;
			tunnel_check_liveness(gw, now += MILLISECOND_NS);
		}
		assert_in_range(silent_ms, 300, 300 + LATE_MS + 1);
	}
}

/* It sends and hears nothing; returns when it is down. */
static uint64_t
let_die(struct gateway *gw, struct tunnel *tunnel, const struct sas *sas, uint64_t now)
{
	tunnel->liveness_ms = 300;
	tunnel_check_liveness(gw, now);
	sas->out->sequence++;
	now += 300 * MILLISECOND_NS + LATE_NS;
	tunnel_check_liveness(gw, now);
	assert_int_equal(tunnel->state, TUNNEL_DOWN);
	return now;
}

static void
that_an_sa_goes_is_no_sign_of_life(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct tunnel *tunnel = &gw->tunnels[0];
	struct sa_spec spec = fixture_sa(fixture, SA_IN, 0, 0x2002);
	uint64_t now = MILLISECOND_NS;

	struct sas sas = bring_up(fixture);
	fixture_add(fixture, &spec);
	sa_replay(sas.in)->top = 1000;
	now = let_die(gw, tunnel, &sas, now);
	assert_int_equal(sa_delete(gw, SA_IN, sas.in->spi, sas.in->destination), 0);
	tunnel_check_liveness(gw, now + LATE_NS);
	assert_int_equal(tunnel->state, TUNNEL_DOWN);
}

static void
a_new_sa_gives_a_dead_tunnel_a_new_chance(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct tunnel *tunnel = &gw->tunnels[0];
	struct sa_spec spec = fixture_sa(fixture, SA_OUT, 0, 0x5001);
	uint64_t now = MILLISECOND_NS;

	struct sas sas = bring_up(fixture);
	now = let_die(gw, tunnel, &sas, now);
	fixture_add(fixture, &spec);
	assert_int_equal(tunnel->state, TUNNEL_UP);
	tunnel_check_liveness(gw, now);
	assert_int_equal(tunnel->state, TUNNEL_UP);
	sas.out->sequence++;
	now += 300 * MILLISECOND_NS + LATE_NS;
	tunnel_check_liveness(gw, now);
	assert_int_equal(tunnel->state, TUNNEL_DOWN);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_tunnel_that_gets_no_answer_is_down_until_it_does),
		TEST(it_is_found_neither_early_nor_later_than_a_sixteenth),
		TEST(that_an_sa_goes_is_no_sign_of_life),
		TEST(a_new_sa_gives_a_dead_tunnel_a_new_chance),
	};

	return cmocka_run_group_tests(tests, fixture_start_dpdk, fixture_stop_dpdk);
}
