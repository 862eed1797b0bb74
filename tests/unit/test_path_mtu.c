/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include "clock.h"
#include "path_mtu.h"

/* What is believed of ICMP errors, and for how long. */

#define NOW (1000 * SECOND_NS)
#define SENT 5000000u /* packets of the SA so far */
#define FULL_MTU 1438 /* of an inner packet, where the outer one may have 1500 bytes */

/* conn1 has an SA that sends. */
static void
bring_up(struct fixture *fixture)
{
	fixture_lead_out(fixture->gw);
	fixture_bring_up(fixture);
	atomic_store(&sa_find(fixture->gw, SA_OUT, 0x1001, IP(192, 0, 2, 1))->sequence, SENT);
	assert_int_equal(tunnel_current_mtu(fixture->gw, &fixture->gw->tunnels[0]), FULL_MTU);
}

/* About conn1's newest packet. */
static struct path_mtu_note
note_of(uint32_t mtu)
{
	return (struct path_mtu_note) {
		.source = IP(203, 0, 113, 191),
		.destination = IP(192, 0, 2, 1),
		.spi = 0x1001,
		.sequence = SENT,
		.mtu = mtu,
	};
}

/* The inner MTU of conn1 after that note; nothing happens to the other tunnels. */
static unsigned
after(struct gateway *gw, struct path_mtu_note note, uint64_t now_ns)
{
	path_mtu_note(gw, note);
	path_mtu_tick(gw, now_ns);
	assert_int_equal(tunnel_current_mtu(gw, &gw->tunnels[1]), FULL_MTU);
	return tunnel_current_mtu(gw, &gw->tunnels[0]);
}

static void
a_smaller_path_is_believed_and_a_larger_one_never(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;

	bring_up(fixture);
	assert_int_equal(after(gw, note_of(1500), NOW), FULL_MTU);
	assert_int_equal(after(gw, note_of(65535), NOW), FULL_MTU);
	assert_int_equal(after(gw, note_of(1400), NOW), 1342);
	assert_int_equal(after(gw, note_of(1450), NOW), 1342);
	assert_int_equal(after(gw, note_of(1300), NOW), 1230);
	/* Whatever somebody says, it is worth sending at all. */
	assert_int_equal(after(gw, note_of(68), NOW), 510);
	assert_int_equal(after(gw, note_of(0), NOW), 510);
}

static void
nobody_but_who_saw_a_recent_packet_is_believed(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct path_mtu_note note = note_of(1400);

	bring_up(fixture);
	note.spi = 0x1002;
	assert_int_equal(after(gw, note, NOW), FULL_MTU);
	note = note_of(1400);
	note.destination = IP(192, 0, 2, 9);
	assert_int_equal(after(gw, note, NOW), FULL_MTU);
	note = note_of(1400);
	note.source = IP(203, 0, 113, 190);
	assert_int_equal(after(gw, note, NOW), FULL_MTU);
	note = note_of(1400);
	note.sequence = SENT + 1;
	assert_int_equal(after(gw, note, NOW), FULL_MTU);
	note.sequence = SENT - PATH_MTU_RECENT;
	assert_int_equal(after(gw, note, NOW), FULL_MTU);
	note.sequence = 0;
	assert_int_equal(after(gw, note, NOW), FULL_MTU);
	note.sequence = SENT - PATH_MTU_RECENT + 1;
	assert_int_equal(after(gw, note, NOW), 1342);
}

/* RFC 4303 2.2.1: a quotation has the low half of a number. */
static void
extended_numbers_are_compared_by_their_low_half(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct path_mtu_note note = note_of(1400);

	bring_up(fixture);
	atomic_store(
		&sa_find(gw, SA_OUT, 0x1001, IP(192, 0, 2, 1))->sequence, (UINT64_C(7) << 32) + 3);
	note.sequence = 100;
	assert_int_equal(after(gw, note, NOW), FULL_MTU);
	note.sequence = UINT32_MAX - 3;
	assert_int_equal(after(gw, note, NOW), 1342);
}

static void
what_is_old_is_forgotten(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	const uint64_t later = NOW + 100 * SECOND_NS, end = later + PATH_MTU_SECONDS * SECOND_NS;

	bring_up(fixture);
	assert_int_equal(after(gw, note_of(1400), NOW), 1342);
	/* Said again, it holds for longer. */
	assert_int_equal(after(gw, note_of(1400), later), 1342);
	path_mtu_tick(gw, end - 1);
	assert_int_equal(tunnel_current_mtu(gw, &gw->tunnels[0]), 1342);
	path_mtu_tick(gw, end + SECOND_NS);
	assert_int_equal(tunnel_current_mtu(gw, &gw->tunnels[0]), FULL_MTU);
	/* And may be learned again. */
	assert_int_equal(after(gw, note_of(1300), end + 2 * SECOND_NS), 1230);
}

/* A path belongs to a destination, not to an SA: rekeying keeps it, moving does not, and what is
 * said of where the peer was is not heard any more. */
static void
it_outlives_the_sa_but_not_the_peer(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct sa_spec spec = fixture_sa(fixture, SA_OUT, 0, 0x2001);

	bring_up(fixture);
	assert_int_equal(after(gw, note_of(1400), NOW), 1342);
	fixture_add(fixture, &spec);
	assert_int_equal(tunnel_current_mtu(gw, &gw->tunnels[0]), 1342);
	spec = fixture_sa(fixture, SA_OUT, 0, 0x3001);
	spec.destination = IP(192, 0, 2, 77);
	fixture_add(fixture, &spec);
	assert_int_equal(tunnel_current_mtu(gw, &gw->tunnels[0]), FULL_MTU);
	assert_int_equal(after(gw, note_of(1400), NOW), FULL_MTU);
	atomic_store(&sa_find(gw, SA_OUT, spec.spi, spec.destination)->sequence, SENT);
	struct path_mtu_note note = note_of(1300);
	note.spi = spec.spi;
	note.destination = spec.destination;
	assert_int_equal(after(gw, note, NOW), 1230);
}

/* More than fit between two ticks are no harm. */
static void
too_many_notes_are_lost(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;

	bring_up(fixture);
	for (unsigned i = 0; i < 10 * PATH_MTU_NOTES; i++)
		path_mtu_note(gw, note_of(1400));
	assert_int_equal(after(gw, note_of(1300), NOW), 1342);
	assert_int_equal(after(gw, note_of(1300), NOW), 1230);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_smaller_path_is_believed_and_a_larger_one_never),
		TEST(nobody_but_who_saw_a_recent_packet_is_believed),
		TEST(extended_numbers_are_compared_by_their_low_half),
		TEST(what_is_old_is_forgotten),
		TEST(it_outlives_the_sa_but_not_the_peer),
		TEST(too_many_notes_are_lost),
	};

	return cmocka_run_group_tests(tests, fixture_start_dpdk, fixture_stop_dpdk);
}
