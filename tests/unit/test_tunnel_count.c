/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include "publish.h"

/* What passed through a tunnel: workers count by SA, and rekeying loses none of it. */

static struct sa *
add(struct fixture *fixture, enum sa_direction direction, uint32_t spi, uint64_t packets_before)
{
	struct sa_spec spec = fixture_sa(fixture, direction, 0, spi);

	spec.past.packets = packets_before;
	if (direction == SA_OUT)
		spec.sequence = packets_before;
	fixture_add(fixture, &spec);
	return sa_find(fixture->gw, direction, spi, spec.destination);
}

static void
take_away(struct fixture *fixture, const struct sa *sa)
{
	assert_int_equal(sa_delete(fixture->gw, sa->direction, sa->spi, sa->destination), 0);
}

/* As a worker does it. */
static void
pass(struct sa *sa, unsigned packets)
{
	if (sa->direction == SA_OUT) {
		sa->sequence += packets;
		sa->bytes_out += 100 * packets;
	} else {
		sa->packets_in += packets;
		sa->bytes_in += 100 * packets;
	}
}

static void
assert_passed(const struct fixture *fixture, uint64_t tx, uint64_t rx)
{
	struct tunnel_traffic passed;

	tunnel_traffic(&fixture->gw->tunnels[0], &passed);
	assert_int_equal(passed.tx.packets, tx);
	assert_int_equal(passed.tx.bytes, 100 * tx);
	assert_int_equal(passed.rx.packets, rx);
	assert_int_equal(passed.rx.bytes, 100 * rx);
	tunnel_traffic(&fixture->gw->tunnels[1], &passed);
	assert_int_equal(passed.tx.packets + passed.rx.packets, 0);
}

static void
all_sas_of_a_tunnel_count(void **state)
{
	struct fixture *fixture = *state;

	assert_passed(fixture, 0, 0);
	pass(add(fixture, SA_OUT, 0x1001, 0), 3);
	pass(add(fixture, SA_IN, 0x2001, 0), 5);
	pass(add(fixture, SA_OUT, 0x1002, 0), 10);
	pass(add(fixture, SA_IN, 0x2002, 0), 20);
	assert_passed(fixture, 13, 25);
}

/* A worker may still hold an SA that is taken away. */
static void
what_passed_under_sas_that_went_stays(void **state)
{
	struct fixture *fixture = *state;
	struct sa *out = add(fixture, SA_OUT, 0x1001, 0);
	struct sa *in = add(fixture, SA_IN, 0x2001, 0);

	pass(out, 3);
	pass(in, 5);
	take_away(fixture, out);
	take_away(fixture, in);
	assert_passed(fixture, 3, 5);
	pass(out, 1);
	pass(in, 1);
	publish_flush(fixture->gw->publisher);
	assert_passed(fixture, 4, 6);
	pass(add(fixture, SA_OUT, 0x1001, 0), 2);
	assert_passed(fixture, 6, 6);
}

/* An SA that is moved here brings a past, which passed elsewhere; nor was a number sent that was
 * left out. */
static void
only_what_passed_here_counts(void **state)
{
	struct fixture *fixture = *state;
	struct sa *out = add(fixture, SA_OUT, 0x1001, 700);
	struct sa *in = add(fixture, SA_IN, 0x2001, 700);
	const struct sa_past past = { .packets = 40, .bytes = 40 };

	pass(out, 1);
	pass(in, 2);
	sa_raise_sequence(fixture->gw, out, 5000);
	sa_set_past(fixture->gw, out, &past);
	sa_set_past(fixture->gw, in, &past);
	assert_passed(fixture, 1, 2);
}

/* A limit that comes and goes: what was sent stays sent, what workers took past it never was. */
static void
limits_change_nothing_of_what_passed(void **state)
{
	static const struct sa_lifetime three = { .packets = 3 }, twelve = { .packets = 12 }, none;
	struct fixture *fixture = *state;
	struct sa *sa = add(fixture, SA_OUT, 0x1001, 0);

	pass(sa, 10);
	sa_set_lifetimes(fixture->gw, sa, &three, &none);
	assert_passed(fixture, 10, 0);
	sa_set_lifetimes(fixture->gw, sa, &twelve, &none);
	assert_passed(fixture, 10, 0);
	sa->sequence += 8; /* of which two may go */
	sa->bytes_out += 200;
	assert_passed(fixture, 12, 0);
	assert_true(sa->sequence >= sa->limit_sequence);
	sa_set_lifetimes(fixture->gw, sa, &none, &none);
	assert_passed(fixture, 12, 0);
	pass(sa, 1);
	assert_passed(fixture, 13, 0);
	assert_int_equal(sa_last_sequence(sa), 19);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_sas_of_a_tunnel_count),
		TEST(what_passed_under_sas_that_went_stays),
		TEST(only_what_passed_here_counts),
		TEST(limits_change_nothing_of_what_passed),
	};

	return cmocka_run_group_tests(tests, fixture_start_dpdk, fixture_stop_dpdk);
}
