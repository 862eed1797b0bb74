/* SPDX-License-Identifier: BSD-3-Clause */
#include "xfrm_bench.h"

#include <rte_malloc.h>

#include "clock.h"
#include "dice.h"
#include "slab.h"

/* Security associations of family XFRM over time: numbers that go on, lifetimes that end, and a
 * table that stands what clients do to it. */

/* The type and hardness of the next event; SPI in `spi`. */
static int
hear_expire(uint32_t *spi)
{
	struct xfrm_user_expire expire;
	uint16_t type;

	do {
		type = hear();
	} while (type == XFRM_MSG_NEWSA || type == XFRM_MSG_UPDSA);
	if (type == 0)
		return -1;
	assert_int_equal(type, XFRM_MSG_EXPIRE);
	read_answer(&expire, sizeof(expire), XFRMA_IF_ID);
	*spi = ntohl(expire.state.id.spi);
	return expire.hard;
}

static void
add_limited(enum sa_direction direction, uint32_t spi, struct xfrm_lifetime_cfg limits)
{
	struct xfrm_usersa_info info = sa_info(direction, 0, spi);

	info.lft = limits;
	begin(XFRM_MSG_NEWSA, NLM_F_ACK);
	put(&info, sizeof(info));
	put_scenario_suite();
	assert_int_equal(send_off(), 0);
}

static void
lifetimes_are_told_soft_once_then_hard(void **state)
{
	struct xfrm_lifetime_cfg by_packets = no_limits, by_time = no_limits, by_use = no_limits;
	uint64_t start = clock_now_ns();
	uint32_t spi;

	(void)state;
	by_packets.soft_packet_limit = 80;
	by_packets.hard_packet_limit = 100;
	by_time.soft_add_expires_seconds = 10;
	by_time.hard_add_expires_seconds = 20;
	by_use.hard_use_expires_seconds = 10;
	add_limited(SA_OUT, 0x800, by_packets);
	sa_expire(gw, start);
	assert_int_equal(hear_expire(&spi), -1);
	atomic_store(&find_sa(SA_OUT, 0, 0x800)->sequence, 80);
	sa_expire(gw, start + 1000);
	assert_int_equal(hear_expire(&spi), 0);
	assert_int_equal(spi, 0x800);
	sa_expire(gw, start + 2000);
	assert_int_equal(hear_expire(&spi), -1);
	atomic_store(&find_sa(SA_OUT, 0, 0x800)->sequence, 100);
	sa_expire(gw, start + 3000);
	assert_int_equal(hear_expire(&spi), 1);
	assert_null(find_sa(SA_OUT, 0, 0x800));
	assert_int_equal(ask_sa(XFRM_MSG_DELSA, SA_OUT, 0, 0x800), ESRCH);

	add_limited(SA_IN, 0x801, by_time);
	sa_expire(gw, clock_now_ns() + 9 * SECOND_NS);
	assert_int_equal(hear_expire(&spi), -1);
	sa_expire(gw, clock_now_ns() + 11 * SECOND_NS);
	assert_int_equal(hear_expire(&spi), 0);
	sa_expire(gw, clock_now_ns() + 21 * SECOND_NS);
	assert_int_equal(hear_expire(&spi), 1);
	assert_null(look_up(0x801));

	/* From its first packet on. */
	add_limited(SA_IN, 0x802, by_use);
	sa_expire(gw, clock_now_ns() + 100 * SECOND_NS);
	look_up(0x802)->packets_in = 1;
	sa_expire(gw, clock_now_ns() + 200 * SECOND_NS);
	assert_int_equal(hear_expire(&spi), -1);
	sa_expire(gw, clock_now_ns() + 209 * SECOND_NS);
	assert_int_equal(hear_expire(&spi), -1);
	sa_expire(gw, clock_now_ns() + 211 * SECOND_NS);
	assert_int_equal(hear_expire(&spi), 1);
}

static void
numbers_that_run_short_ask_for_a_successor(void **state)
{
	uint32_t spi;

	(void)state;
	add_sa(SA_OUT, 0, 0x810);
	atomic_store(&find_sa(SA_OUT, 0, 0x810)->sequence, UINT32_MAX - (1u << 28));
	sa_expire(gw, clock_now_ns());
	assert_int_equal(hear_expire(&spi), 0);
	assert_int_equal(spi, 0x810);
}

static void
updates_change_limits_and_ports(void **state)
{
	struct xfrm_encap_tmpl encap = { 2, htons(4500), htons(4500), { 0 } };
	struct xfrm_usersa_info info = sa_info(SA_OUT, 0, 0x820);
	uint32_t spi;

	(void)state;
	for (unsigned turn = 0; turn < 2; turn++) {
		begin(turn == 0 ? XFRM_MSG_NEWSA : XFRM_MSG_UPDSA, NLM_F_ACK);
		put(&info, sizeof(info));
		put_scenario_suite();
		put_attribute(XFRMA_ENCAP, &encap, sizeof(encap));
		assert_int_equal(send_off(), 0);
		encap.encap_dport = htons(31337);
		info.lft.hard_packet_limit = 1000;
	}
	struct sa *sa = find_sa(SA_OUT, 0, 0x820);
	assert_int_equal(sa->limit_sequence, 1000);
	uint16_t port;
	const struct encap *outer = gateway_encap(gw, 0);
	memcpy(&port, outer->header + ENCAP_HEADER_BYTES - ENCAP_UDP + 2, sizeof(port));
	assert_int_equal(ntohs(port), 31337);
	begin(XFRM_MSG_UPDSA, NLM_F_ACK);
	put(&info, sizeof(info));
	put_scenario_suite();
	assert_refused(EINVAL, "encapsulated in UDP");

	/* NEWAE: the number goes up, never down; what is behind it counts. */
	struct xfrm_aevent_id id = { .sa_id = sa_id(SA_OUT, 0, 0x820) };
	struct xfrm_replay_state replay = { .oseq = 700 };
	struct xfrm_lifetime_cur lifetime = { .packets = 990, .add_time = 1 };
	for (unsigned turn = 0; turn < 2; turn++) {
		begin(XFRM_MSG_NEWAE, NLM_F_ACK | NLM_F_REPLACE);
		put(&id, sizeof(id));
		put_attribute(XFRMA_REPLAY_VAL, &replay, sizeof(replay));
		assert_int_equal(send_off(), 0);
		assert_int_equal(sa_last_sequence(sa), 700);
		replay.oseq = 600;
	}
	assert_int_equal(sa->limit_sequence, 1700);
	begin(XFRM_MSG_NEWAE, NLM_F_ACK | NLM_F_REPLACE);
	put(&id, sizeof(id));
	put_attribute(XFRMA_LTIME_VAL, &lifetime, sizeof(lifetime));
	assert_int_equal(send_off(), 0);
	assert_int_equal(sa->limit_sequence, 710);
	begin(XFRM_MSG_NEWAE, NLM_F_ACK);
	put(&id, sizeof(id));
	assert_refused(EINVAL, "NLM_F_REPLACE");

	/* A user may say that it is over. */
	struct xfrm_user_expire expire = { .state = info, .hard = 1 };
	begin(XFRM_MSG_EXPIRE, NLM_F_ACK);
	put(&expire, sizeof(expire));
	assert_int_equal(send_off(), 0);
	while (hear() == XFRM_MSG_NEWAE || answer.message.type != XFRM_MSG_EXPIRE)
		assert_true(answer.message.type != 0);
	assert_null(find_sa(SA_OUT, 0, 0x820));
	(void)spi;
}

static void
reserved_spis_end(void **state)
{
	struct xfrm_userspi_info wanted = { .info = sa_info(SA_IN, 0, 0), .min = 900, .max = 900 };
	uint32_t spi;

	(void)state;
	begin(XFRM_MSG_ALLOCSPI, NLM_F_ACK);
	put(&wanted, sizeof(wanted));
	assert_int_equal(send_off(), 0);
	xfrm_tick(context.xfrm, clock_now_ns() + 164 * SECOND_NS);
	assert_int_equal(ask_sa(XFRM_MSG_GETSA, SA_IN, 0, 900), 0);
	xfrm_tick(context.xfrm, clock_now_ns() + 166 * SECOND_NS);
	assert_int_equal(ask_sa(XFRM_MSG_GETSA, SA_IN, 0, 900), ESRCH);
	assert_int_equal(hear_expire(&spi), 1);
	assert_int_equal(spi, 900);
	/* One that was claimed stays. */
	begin(XFRM_MSG_ALLOCSPI, NLM_F_ACK);
	put(&wanted, sizeof(wanted));
	assert_int_equal(send_off(), 0);
	begin_sa(XFRM_MSG_UPDSA, SA_IN, 0, 900);
	assert_int_equal(send_off(), 0);
	xfrm_tick(context.xfrm, clock_now_ns() + 166 * SECOND_NS);
	assert_non_null(look_up(900));
}

/* SAs of the configuration are listed and can be deleted, and stay when they have run out. */
static void
manual_sas_stay_when_they_ran_out(void **state)
{
	struct sa_lifetime hard = { .packets = 5 }, soft = { 0 };
	struct sa *sa = find_sa(SA_OUT, 0, 0x1001);
	uint32_t spi;

	(void)state;
	sa_set_lifetimes(gw, sa, &hard, &soft);
	atomic_store(&sa->sequence, 5);
	sa_expire(gw, clock_now_ns());
	assert_int_equal(hear_expire(&spi), 1);
	assert_ptr_equal(find_sa(SA_OUT, 0, 0x1001), sa);
	assert_null(gw->tunnels[0].out);
	/* With more to spend it goes on. */
	hard.packets = 10;
	sa_set_lifetimes(gw, sa, &hard, &soft);
	assert_ptr_equal(gw->tunnels[0].out, sa);
	assert_int_equal(ask_sa(XFRM_MSG_DELSA, SA_OUT, 0, 0x1001), 0);
	assert_null(find_sa(SA_OUT, 0, 0x1001));
}

/* All that clients can see. */
static size_t
snapshot(uint8_t bytes[], size_t room)
{
	list_on(&session);
	assert_true(answer.used <= room);
	memcpy(bytes, answer.bytes, answer.used);
	return answer.used;
}

static unsigned
expel(uint32_t spi_below)
{
	struct xfrm_usersa_info info;
	unsigned gone = 0;

	/* Mutations that are good messages made SAs: one a message at most. */
	list_on(&session);
	struct netlink_span all = { answer.bytes, answer.used };
	struct netlink_message row;
	struct netlink_refusal why;
	while (netlink_next_message(&all, &row, &why) > 0) {
		struct netlink_span body = row.body;
		if (row.type != XFRM_MSG_NEWSA || !netlink_take(&body, &info, sizeof(info)) ||
			ntohl(info.id.spi) < spi_below)
			continue;
		struct xfrm_usersa_id id = { .daddr = info.id.daddr,
			.spi = info.id.spi,
			.family = AF_INET,
			.proto = IPPROTO_ESP };
		begin(XFRM_MSG_DELSA, NLM_F_ACK);
		put(&id, sizeof(id));
		assert_int_equal(send_off(), 0);
		gone++;
		break;
	}
	return gone;
}

static void
mutated_messages_leave_the_table_alone(void **state)
{
	static const uint16_t types[] = { XFRM_MSG_NEWSA, XFRM_MSG_UPDSA, XFRM_MSG_ALLOCSPI };
	static uint8_t before[65536], after[65536];
	unsigned refused = 0, taken = 0;

	(void)state;
	dice_seed(11);
	for (unsigned round = 0; round < 1500; round++) {
		size_t used = snapshot(before, sizeof(before));
		uint16_t type = types[round % ARRAY_LEN(types)];

		begin_sa(type, SA_IN, round % 3, 0x80000000 + round);
		put_attribute(XFRMA_REPLAY_VAL, "\0\0\0\0\0\0\0\0\0\0\0", 12);
		end();
		size_t bytes = draft.writer.used;
		for (unsigned i = 1 + dice_below(4); i > 0; i--)
			draft.bytes[sizeof(struct nlmsghdr) +
				dice_below((uint32_t)bytes - sizeof(struct nlmsghdr))] =
				(uint8_t)dice_below(256);
		if (round % 4 == 0) {
			uint32_t shorter = dice_below((uint32_t)bytes + 1);

			bytes = shorter;
			if (shorter >= sizeof(struct nlmsghdr) && round % 8 == 0)
				memcpy(draft.bytes, &shorter, sizeof(shorter));
		}
		if (bytes == 0)
			continue;
		/* Each is answered: by a refusal in words, or because it is good after all. */
		int error = send_on(&session, draft.bytes, bytes);
		assert_true(error >= 0);
		if (error > 0) {
			assert_true(answer.words.text[0] != '\0');
			refused++;
		} else {
			taken += expel(0x3000);
		}
		assert_int_equal(snapshot(after, sizeof(after)), used);
		assert_memory_equal(after, before, used);
	}
	assert_true(refused > 1000 && taken > 50);
}

static void
ten_thousand_leave_no_trace(void **state)
{
	enum { N = 10000 };
	struct rte_malloc_socket_stats before, after;
	size_t objects = slab_count(gw->slab);

	(void)state;
	session_close(&ear);
	for (unsigned turn = 0; turn < 2; turn++) {
		rte_malloc_get_socket_stats(0, turn == 0 ? &after : &before);
		for (unsigned i = 0; i < N; i++)
			add_sa(i % 2 == 0 ? SA_IN : SA_OUT, i % 3, 0x10000 + i);
		for (unsigned i = 0; i < N; i++) {
			begin_sa(XFRM_MSG_UPDSA, i % 2 == 0 ? SA_IN : SA_OUT, i % 3, 0x10000 + i);
			assert_int_equal(send_off(), 0);
		}
		sa_expire(gw, clock_now_ns());
		for (unsigned i = 0; i < N; i++)
			assert_int_equal(ask_sa(XFRM_MSG_DELSA, i % 2 == 0 ? SA_IN : SA_OUT, i % 3,
						 0x10000 + i),
				0);
		publish_flush(gw->publisher);
	}
	assert_int_equal(slab_count(gw->slab), objects);
	rte_malloc_get_socket_stats(0, &after);
	assert_int_equal(after.alloc_count, before.alloc_count);
	assert_int_equal(after.heap_allocsz_bytes, before.heap_allocsz_bytes);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lifetimes_are_told_soft_once_then_hard),
		TEST(numbers_that_run_short_ask_for_a_successor),
		TEST(updates_change_limits_and_ports),
		TEST(reserved_spis_end),
		TEST(manual_sas_stay_when_they_ran_out),
		TEST(mutated_messages_leave_the_table_alone),
		TEST(ten_thousand_leave_no_trace),
	};

	return cmocka_run_group_tests(tests, bench_start, bench_stop);
}
