/* SPDX-License-Identifier: BSD-3-Clause */
#include "clock.h"
#include "xfrm_bench.h"

/* Sequence numbers and replay windows of family XFRM: as they are asked for, moved, and never used
 * twice. */

/* struct xfrm_replay_state_esn with its bitmap. */
struct esn_state {
	struct {
		uint32_t bmp_len, oseq, seq, oseq_hi, seq_hi, replay_window;
	} head;
	uint32_t ring[4];
};

static void
windows_are_as_asked(void **state)
{
	static const struct {
		uint8_t old;
		uint32_t esn;
		uint8_t flags;
		uint32_t window;
	} cases[] = {
		{ 0, 0, 0, 0 },
		{ 32, 0, 0, 64 },
		{ 0, 128, 0, 128 }, /* pluto: no flag */
		{ 0, 128, XFRM_STATE_ESN, 128 },
		{ 0, 100, XFRM_STATE_ESN, 100 },
		{ 0, 33, 0, 64 },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct xfrm_usersa_info info = sa_info(SA_IN, 0, 0x600 + i);
		struct esn_state esn = { .head = { .bmp_len = 4, .replay_window = cases[i].esn } };

		info.replay_window = cases[i].old;
		info.flags = cases[i].flags;
		begin(XFRM_MSG_NEWSA, NLM_F_ACK);
		put(&info, sizeof(info));
		put_scenario_suite();
		if (cases[i].esn != 0)
			put_attribute(XFRMA_REPLAY_ESN_VAL, &esn, sizeof(esn));
		assert_int_equal(send_off(), 0);
		assert_int_equal(look_up(0x600 + i)->replay->window, cases[i].window);
		assert_int_equal(look_up(0x600 + i)->esn, cases[i].flags == XFRM_STATE_ESN);
		assert_int_equal(ask_sa(XFRM_MSG_GETSA, SA_IN, 0, 0x600 + i), 0);
		struct netlink_attribute back = read_answer(&info, sizeof(info),
			cases[i].esn != 0 ? XFRMA_REPLAY_ESN_VAL : XFRMA_REPLAY_VAL);
		if (cases[i].esn == 0) {
			assert_int_equal(back.bytes, sizeof(struct xfrm_replay_state));
			assert_int_equal(info.replay_window, cases[i].old);
			continue;
		}
		assert_int_equal(back.bytes, sizeof(esn));
		assert_memory_equal(back.data, &esn, sizeof(esn));
	}
}

static void
bad_windows_are_refused(void **state)
{
	struct esn_state esn = { .head = { .bmp_len = 4, .replay_window = 129 } };

	(void)state;
	begin_sa(XFRM_MSG_NEWSA, SA_OUT, 0, 0x610);
	put_attribute(XFRMA_REPLAY_ESN_VAL, &esn, sizeof(esn));
	assert_refused(EINVAL, "129 does not fit");
	esn.head.replay_window = 128;
	begin_sa(XFRM_MSG_NEWSA, SA_IN, 0, 0x610);
	put_attribute(XFRMA_REPLAY_ESN_VAL, &esn, sizeof(esn));
	assert_refused(EINVAL, "two replay windows");
	begin_sa(XFRM_MSG_NEWSA, SA_OUT, 0, 0x610);
	put_attribute(XFRMA_REPLAY_ESN_VAL, &esn, sizeof(esn) - 4);
	assert_refused(EINVAL, "4 words of 32 bits, 3 are there");
	/* ip leaves the bitmap of a new SA away. */
	begin_sa(XFRM_MSG_NEWSA, SA_OUT, 0, 0x611);
	put_attribute(XFRMA_REPLAY_ESN_VAL, &esn, sizeof(esn.head));
	assert_int_equal(send_off(), 0);
	esn.head.oseq_hi = 1;
	begin_sa(XFRM_MSG_NEWSA, SA_OUT, 0, 0x610);
	put_attribute(XFRMA_REPLAY_ESN_VAL, &esn, sizeof(esn));
	assert_refused(EINVAL, "without extended ones");
	assert_null(find_sa(SA_OUT, 0, 0x610));
}

/* A window with holes goes out by GETAE, and comes in by NEWSA as the same. */
static void
a_window_moves_with_its_holes(void **state)
{
	struct xfrm_usersa_info info = sa_info(SA_IN, 0, 0x620);
	struct esn_state esn = { .head = { .bmp_len = 4, .replay_window = 100 } };
	struct xfrm_aevent_id id;
	struct sa *sa;

	(void)state;
	info.replay_window = 0;
	info.flags = XFRM_STATE_ESN;
	for (unsigned turn = 0; turn < 2; turn++) {
		begin(XFRM_MSG_NEWSA, NLM_F_ACK);
		put(&info, sizeof(info));
		put_scenario_suite();
		put_attribute(XFRMA_REPLAY_ESN_VAL, &esn, sizeof(esn));
		assert_int_equal(send_off(), 0);
		sa = look_up(0x620);
		if (turn == 0)
			/* Every third packet is lost on the way. */
			for (uint64_t sequence = 1; sequence <= 1234; sequence++)
				if (sequence % 3 != 0)
					replay_update(sa->replay, sequence);
		assert_int_equal(sa_last_sequence(sa), 1234);
		for (uint64_t sequence = 1135; sequence <= 1234; sequence++)
			assert_int_equal(replay_check(sa->replay, sequence),
				sequence % 3 == 0 ? DROP_NONE : DROP_replay_duplicate);
		assert_int_equal(replay_check(sa->replay, 1134), DROP_replay_late);
		assert_int_equal(ask_ae(SA_IN, 0, 0x620), 0);
		assert_int_equal(answer.message.type, XFRM_MSG_NEWAE);
		struct netlink_attribute moved = read_answer(&id, sizeof(id), XFRMA_REPLAY_ESN_VAL);
		assert_int_equal(moved.bytes, sizeof(esn));
		memcpy(&esn, moved.data, sizeof(esn));
		assert_int_equal(esn.head.seq, 1234);
		assert_int_equal(ask_sa(XFRM_MSG_DELSA, SA_IN, 0, 0x620), 0);
	}
	/* The old attribute: bit 0 is the highest number. */
	struct xfrm_replay_state old = { .seq = 50, .bitmap = ~UINT32_C(4) };
	begin_sa(XFRM_MSG_NEWSA, SA_IN, 0, 0x621);
	put_attribute(XFRMA_REPLAY_VAL, &old, sizeof(old));
	assert_int_equal(send_off(), 0);
	sa = look_up(0x621);
	assert_int_equal(replay_check(sa->replay, 48), DROP_NONE);
	assert_int_equal(replay_check(sa->replay, 49), DROP_replay_duplicate);
	assert_int_equal(ask_ae(SA_IN, 0, 0x621), 0);
	struct netlink_attribute back = read_answer(&id, sizeof(id), XFRMA_REPLAY_VAL);
	assert_memory_equal(back.data, &old, sizeof(old));
}

/* charon's SA move: GETSA, GETAE, DELSA, NEWSA. Between its GETAE and its DELSA workers send. */
static void
a_moved_sa_never_uses_a_number_twice(void **state)
{
	struct xfrm_encap_tmpl encap = { 2, htons(4500), htons(4501), { 0 } };
	struct xfrm_aevent_id id;
	struct xfrm_replay_state replay;
	struct xfrm_lifetime_cur lifetime;

	(void)state;
	add_sa(SA_OUT, 0, 0x700);
	atomic_store(&find_sa(SA_OUT, 0, 0x700)->sequence, 500);
	atomic_store(&find_sa(SA_OUT, 0, 0x700)->bytes_out, 50000);
	assert_int_equal(ask_ae(SA_OUT, 0, 0x700), 0);
	struct netlink_attribute found = read_answer(&id, sizeof(id), XFRMA_REPLAY_VAL);
	memcpy(&replay, found.data, sizeof(replay));
	assert_int_equal(replay.oseq, 500);
	found = read_answer(&id, sizeof(id), XFRMA_LTIME_VAL);
	memcpy(&lifetime, found.data, sizeof(lifetime));
	assert_int_equal(lifetime.bytes, 50000);

	struct sa *old = find_sa(SA_OUT, 0, 0x700);
	atomic_store(&old->sequence, 600);
	assert_int_equal(ask_sa(XFRM_MSG_DELSA, SA_OUT, 0, 0x700), 0);
	atomic_store(&old->sequence, 640); /* a burst that was under way */

	begin_sa(XFRM_MSG_NEWSA, SA_OUT, 0, 0x700);
	put_attribute(XFRMA_ENCAP, &encap, sizeof(encap));
	put_attribute(XFRMA_REPLAY_VAL, &replay, sizeof(replay));
	put_attribute(XFRMA_LTIME_VAL, &lifetime, sizeof(lifetime));
	assert_int_equal(send_off(), 0);
	struct sa *sa = find_sa(SA_OUT, 0, 0x700);
	assert_true(sa->udp);
	assert_int_equal(sa_last_sequence(sa), 640);
	struct traffic traffic;
	sa_traffic(sa, &traffic);
	assert_int_equal(traffic.bytes, 50000);
	assert_int_equal(traffic.packets, 500);

	/* Another key starts afresh; the same one is remembered for a minute. */
	static const uint8_t other_key[16] = { 9 };
	struct xfrm_usersa_info info = sa_info(SA_OUT, 0, 0x701);
	begin(XFRM_MSG_NEWSA, NLM_F_ACK);
	put(&info, sizeof(info));
	put_algorithm(XFRMA_ALG_CRYPT, "aes", other_key, 128, 0);
	put_algorithm(XFRMA_ALG_AUTH, "sha1", mac_key, 160, 0);
	assert_int_equal(send_off(), 0);
	assert_int_equal(sa_last_sequence(find_sa(SA_OUT, 0, 0x701)), 0);
	for (unsigned seconds = 0; seconds < 62; seconds += 61) {
		assert_int_equal(ask_sa(XFRM_MSG_DELSA, SA_OUT, 0, 0x700), 0);
		publish_flush(gw->publisher);
		xfrm_tick(context.xfrm, clock_now_ns() + seconds * SECOND_NS);
		add_sa(SA_OUT, 0, 0x700);
		assert_int_equal(
			sa_last_sequence(find_sa(SA_OUT, 0, 0x700)), seconds == 0 ? 640 : 0);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(windows_are_as_asked),
		TEST(bad_windows_are_refused),
		TEST(a_window_moves_with_its_holes),
		TEST(a_moved_sa_never_uses_a_number_twice),
	};

	return cmocka_run_group_tests(tests, bench_start, bench_stop);
}
