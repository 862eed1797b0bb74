/* SPDX-License-Identifier: BSD-3-Clause */
#include "xfrm_bench.h"

#include "counters.h"
#include "slab.h"

/* NEWAE on an inbound SA that workers use: its window is replaced whole. */

/* struct xfrm_replay_state_esn with a ring of its own: as a member, the kernel's could not stand in
 * front of one. */
struct esn_state {
	struct {
		uint32_t bmp_len, oseq, seq, oseq_hi, seq_hi, replay_window;
	} head;
	uint32_t ring[4];
};

_Static_assert(offsetof(struct esn_state, ring) == sizeof(struct xfrm_replay_state_esn),
	"laid out as the kernel's");

static void
begin_ae(uint32_t spi, uint16_t type, const void *state, size_t bytes)
{
	struct xfrm_aevent_id id = { .sa_id = sa_id(SA_IN, 0, spi) };

	begin(XFRM_MSG_NEWAE, NLM_F_ACK | NLM_F_REPLACE);
	put(&id, sizeof(id));
	put_attribute(type, state, bytes);
}

static void
a_window_is_replaced_forwards_and_backwards(void **state)
{
	struct xfrm_replay_state old = { .seq = 100, .bitmap = ~UINT32_C(0x12) };
	struct xfrm_aevent_id id;
	struct sa *sa;

	(void)state;
	add_sa(SA_IN, 0, 0x900);
	sa = look_up(0x900);
	for (uint64_t sequence = 1; sequence <= 50; sequence++)
		replay_update(sa_replay(sa), sequence);
	for (unsigned turn = 0; turn < 2; turn++) {
		begin_ae(0x900, XFRMA_REPLAY_VAL, &old, sizeof(old));
		assert_int_equal(send_off(), 0);
		assert_ptr_equal(look_up(0x900), sa);
		assert_int_equal(sa_last_sequence(sa), old.seq);
		assert_int_equal(sa_replay(sa)->window, 64);
		assert_int_equal(replay_check(sa_replay(sa), old.seq - 1), DROP_NONE);
		assert_int_equal(replay_check(sa_replay(sa), old.seq - 4), DROP_NONE);
		assert_int_equal(replay_check(sa_replay(sa), old.seq - 2), DROP_replay_duplicate);
		assert_int_equal(replay_check(sa_replay(sa), old.seq + 1), DROP_NONE);
		assert_int_equal(ask_ae(SA_IN, 0, 0x900), 0);
		struct netlink_attribute back = read_answer(&id, sizeof(id), XFRMA_REPLAY_VAL);
		assert_memory_equal(back.data, &old, sizeof(old));
		old.seq = 40; /* the numbers of a peer that fell back */
	}
	assert_int_equal(hear(), XFRM_MSG_NEWSA);
	assert_int_equal(hear(), XFRM_MSG_NEWAE);
}

static void
add_esn(uint32_t spi, uint32_t window)
{
	struct xfrm_usersa_info info = sa_info(SA_IN, 0, spi);
	struct esn_state esn = { .head = { .bmp_len = 4, .replay_window = window } };

	info.replay_window = 0;
	info.flags = XFRM_STATE_ESN;
	begin(XFRM_MSG_NEWSA, NLM_F_ACK);
	put(&info, sizeof(info));
	put_scenario_suite();
	put_attribute(XFRMA_REPLAY_ESN_VAL, &esn, sizeof(esn));
	assert_int_equal(send_off(), 0);
}

static void
extended_numbers_and_their_window_too(void **state)
{
	struct esn_state esn = {
		.head = { .bmp_len = 4, .seq_hi = 3, .seq = 7, .replay_window = 128 },
		.ring = { ~0u, ~0u, ~0u, ~0u },
	};
	struct sa *sa;

	(void)state;
	add_esn(0x910, 100);
	sa = look_up(0x910);
	begin_ae(0x910, XFRMA_REPLAY_ESN_VAL, &esn, sizeof(esn));
	assert_int_equal(send_off(), 0);
	assert_int_equal(sa_last_sequence(sa), UINT64_C(3) << 32 | 7);
	assert_int_equal(sa_replay(sa)->window, 128);
	assert_int_equal(replay_extend(sa_replay(sa), 8), UINT64_C(3) << 32 | 8);
	assert_int_equal(
		replay_check(sa_replay(sa), UINT64_C(2) << 32 | 0xfffffff0), DROP_replay_duplicate);
}

static void
what_does_not_fit_changes_nothing(void **state)
{
	struct xfrm_replay_state old = { .seq = 9 };
	struct esn_state esn = { .head = { .bmp_len = 3, .replay_window = 96 } };

	(void)state;
	add_sa(SA_IN, 0, 0x920);
	add_esn(0x921, 100);
	struct replay *before = sa_replay(look_up(0x921));
	begin_ae(0x921, XFRMA_REPLAY_VAL, &old, sizeof(old));
	assert_refused(EINVAL, "bitmap of 0 words");
	begin_ae(0x921, XFRMA_REPLAY_ESN_VAL, &esn, sizeof(esn.head) + 12);
	assert_refused(EINVAL, "bitmap of 3 words");
	begin_ae(0x920, XFRMA_REPLAY_ESN_VAL, &esn, sizeof(esn.head) + 12);
	assert_refused(EINVAL, "was added with 0");
	esn.head.bmp_len = 4;
	esn.head.replay_window = 0; /* as for a new SA */
	begin_ae(0x921, XFRMA_REPLAY_ESN_VAL, &esn, sizeof(esn));
	assert_refused(EINVAL, "need a replay window");
	esn.head.replay_window = 96;
	esn.head.seq_hi = UINT32_MAX;
	esn.head.seq = UINT32_MAX;
	begin_ae(0x921, XFRMA_REPLAY_ESN_VAL, &esn, sizeof(esn));
	assert_refused(EINVAL, "past the last");
	assert_ptr_equal(sa_replay(look_up(0x921)), before);
	assert_int_equal(sa_last_sequence(look_up(0x920)), 0);
}

/* Each replaced window is freed, and so is the last with its SA. */
static void
windows_leave_no_trace(void **state)
{
	struct xfrm_replay_state old = { .seq = 1 };
	size_t before;

	(void)state;
	publish_flush(gw->publisher);
	before = slab_count(gw->slab);
	for (unsigned i = 0; i < 3; i++) {
		add_sa(SA_IN, 0, 0x930);
		for (unsigned turn = 0; turn < 10; turn++) {
			begin_ae(0x930, XFRMA_REPLAY_VAL, &old, sizeof(old));
			assert_int_equal(send_off(), 0);
		}
		assert_int_equal(ask_sa(XFRM_MSG_DELSA, SA_IN, 0, 0x930), 0);
		publish_flush(gw->publisher);
	}
	assert_int_equal(slab_count(gw->slab), before);
}

static void
an_sa_tells_what_it_refused(void **state)
{
	struct xfrm_usersa_info info;

	(void)state;
	add_sa(SA_IN, 0, 0x940);
	struct sa *sa = look_up(0x940);
	for (unsigned i = 0; i < 3; i++)
		sa_refused(sa, DROP_replay_duplicate);
	for (unsigned i = 0; i < 2; i++)
		sa_refused(sa, DROP_replay_late);
	sa_refused(sa, DROP_bad_icv);
	sa_refused(sa, DROP_short_esp);
	assert_int_equal(ask_sa(XFRM_MSG_GETSA, SA_IN, 0, 0x940), 0);
	read_answer(&info, sizeof(info), 0);
	assert_int_equal(info.stats.replay, 3);
	assert_int_equal(info.stats.replay_window, 2);
	assert_int_equal(info.stats.integrity_failed, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_window_is_replaced_forwards_and_backwards),
		TEST(extended_numbers_and_their_window_too),
		TEST(what_does_not_fit_changes_nothing),
		TEST(windows_leave_no_trace),
		TEST(an_sa_tells_what_it_refused),
	};

	return cmocka_run_group_tests(tests, bench_start, bench_stop);
}
