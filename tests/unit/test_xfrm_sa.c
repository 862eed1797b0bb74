/* SPDX-License-Identifier: BSD-3-Clause */
#include "xfrm_bench.h"
#include "xfrm_internal.h"

/* Security associations of family XFRM: what is taken, what is refused, and what comes back. */

#define MANUAL_SAS 4 /* of the small gateway */

static uint32_t
alloc_spi(uint32_t min, uint32_t max)
{
	struct xfrm_userspi_info wanted = { .info = sa_info(SA_IN, 0, 0), .min = min, .max = max };
	struct xfrm_usersa_info got;

	begin(XFRM_MSG_ALLOCSPI, 0);
	put(&wanted, sizeof(wanted));
	put_if_id(1);
	assert_int_equal(send_off(), -1);
	assert_int_equal(answer.n, 1);
	assert_int_equal(answer.message.type, XFRM_MSG_NEWSA);
	assert_int_equal(answer.message.sequence, SEQUENCE);
	assert_int_equal(answer.message.pid, DAEMON_PID);
	read_answer(&got, sizeof(got), 0);
	assert_int_equal(got.id.proto, IPPROTO_ESP);
	assert_int_equal(ntohl(got.id.daddr.a4), LOCAL);
	assert_int_equal(got.reqid, REQID);
	assert_in_range(ntohl(got.id.spi), min, max);
	return ntohl(got.id.spi);
}

static void
charon_brings_up_a_pair(void **state)
{
	uint32_t spi = alloc_spi(0xc0000000, 0xcfffffff);

	(void)state;
	/* Reserved: clients see it, workers do not, and nobody else gets it. */
	assert_int_equal(ask_sa(XFRM_MSG_GETSA, SA_IN, 0, spi), 0);
	assert_null(look_up(spi));
	begin_sa(XFRM_MSG_NEWSA, SA_IN, 0, spi);
	assert_refused(EEXIST, "is reserved: an UPDSA claims it");

	begin_sa(XFRM_MSG_UPDSA, SA_IN, 0, spi);
	assert_int_equal(send_off(), 0);
	assert_non_null(look_up(spi));
	assert_int_equal(look_up(spi)->replay->window, 64);
	assert_int_equal(look_up(spi)->reqid, REQID);

	add_sa(SA_OUT, 0, 0xabcd0001);
	assert_int_equal(gw->tunnels[0].out->spi, 0xabcd0001);
	begin_sa(XFRM_MSG_NEWSA, SA_OUT, 0, 0xabcd0001);
	assert_refused(EEXIST, "0xabcd0001 to 192.0.2.1 is there already: an UPDSA changes it");

	assert_int_equal(ask_sa(XFRM_MSG_DELSA, SA_OUT, 0, 0xabcd0001), 0);
	assert_int_equal(gw->tunnels[0].out->spi, 0x1001);
	assert_int_equal(ask_sa(XFRM_MSG_DELSA, SA_OUT, 0, 0xabcd0001), ESRCH);
	assert_int_equal(ask_sa(XFRM_MSG_GETSA, SA_OUT, 0, 0xabcd0001), ESRCH);
	assert_non_null(strstr(answer.words.text, "0xabcd0001"));
	begin_sa(XFRM_MSG_UPDSA, SA_OUT, 0, 0xabcd0001);
	assert_refused(ESRCH, "to update");
}

static void
reserved_spis_are_different_and_end(void **state)
{
	struct xfrm_userspi_info wanted = { .info = sa_info(SA_IN, 0, 0), .min = 500, .max = 503 };
	bool seen[4] = { false };

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(seen); i++) {
		uint32_t spi = alloc_spi(500, 503);

		assert_false(seen[spi - 500]);
		seen[spi - 500] = true;
	}
	begin(XFRM_MSG_ALLOCSPI, NLM_F_ACK);
	put(&wanted, sizeof(wanted));
	put_if_id(1);
	assert_refused(ENOENT, "are taken");
	wanted.max = 499;
	begin(XFRM_MSG_ALLOCSPI, NLM_F_ACK);
	put(&wanted, sizeof(wanted));
	assert_refused(EINVAL, "not above the last");
}

static void
the_tunnel_must_be_clear(void **state)
{
	struct xfrm_usersa_info info = sa_info(SA_OUT, 0, 0x55);

	(void)state;
	/* The address pair names one. */
	begin(XFRM_MSG_NEWSA, NLM_F_ACK);
	put(&info, sizeof(info));
	put_scenario_suite();
	assert_int_equal(send_off(), 0);
	assert_int_equal(find_sa(SA_OUT, 0, 0x55)->tunnel, 0);

	begin(XFRM_MSG_NEWSA, NLM_F_ACK);
	info.id.daddr.a4 = htonl(IP(192, 0, 2, 77));
	put(&info, sizeof(info));
	put_scenario_suite();
	assert_refused(EINVAL, "no tunnel between 203.0.113.191 and 192.0.2.77");

	begin(XFRM_MSG_NEWSA, NLM_F_ACK);
	put(&info, sizeof(info));
	put_scenario_suite();
	put_if_id(1);
	assert_refused(EINVAL, "remote end of tunnel conn1 is 192.0.2.1, not 192.0.2.77");

	begin_sa(XFRM_MSG_NEWSA, SA_OUT, 0, 0x56);
	put_if_id(99);
	assert_refused(EINVAL, "no tunnel with if_id 99");

	info.saddr.a4 = htonl(IP(198, 51, 100, 1));
	begin(XFRM_MSG_NEWSA, NLM_F_ACK);
	put(&info, sizeof(info));
	put_scenario_suite();
	assert_refused(EINVAL, "neither 198.51.100.1 nor 192.0.2.77");
}

static void
what_is_not_there_is_refused_in_words(void **state)
{
	static const struct xfrm_mark mark = { 1, 0xff }, no_mark = { 0, 0 };
	static const struct {
		const char *words;
		int error;
		uint8_t proto, mode, flags;
		uint16_t family;
	} fields[] = {
		{ "AH", EOPNOTSUPP, IPPROTO_AH, XFRM_MODE_TUNNEL, 0, AF_INET },
		{ "IPComp", EOPNOTSUPP, IPPROTO_COMP, XFRM_MODE_TUNNEL, 0, AF_INET },
		{ "protocol 17", EINVAL, IPPROTO_UDP, XFRM_MODE_TUNNEL, 0, AF_INET },
		{ "transport", EOPNOTSUPP, IPPROTO_ESP, XFRM_MODE_TRANSPORT, 0, AF_INET },
		{ "BEET", EOPNOTSUPP, IPPROTO_ESP, XFRM_MODE_BEET, 0, AF_INET },
		{ "mode 9", EINVAL, IPPROTO_ESP, 9, 0, AF_INET },
		{ "IPv6", EOPNOTSUPP, IPPROTO_ESP, XFRM_MODE_TUNNEL, 0, AF_INET6 },
		{ "family 44", EINVAL, IPPROTO_ESP, XFRM_MODE_TUNNEL, 0, 44 },
		{ "nopmtudisc", EOPNOTSUPP, IPPROTO_ESP, 1, XFRM_STATE_NOPMTUDISC, AF_INET },
		{ "wildrecv", EOPNOTSUPP, IPPROTO_ESP, 1, XFRM_STATE_WILDRECV, AF_INET },
		{ "REPLAY_ESN_VAL", EINVAL, IPPROTO_ESP, 1, XFRM_STATE_ESN, AF_INET },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(fields); i++) {
		struct xfrm_usersa_info info = sa_info(SA_IN, 0, 0x300);

		info.id.proto = fields[i].proto;
		info.mode = fields[i].mode;
		info.flags = fields[i].flags;
		info.family = fields[i].family;
		begin(XFRM_MSG_NEWSA, NLM_F_ACK);
		put(&info, sizeof(info));
		put_scenario_suite();
		assert_refused(fields[i].error, fields[i].words);
	}
	begin_sa(XFRM_MSG_NEWSA, SA_IN, 0, 0x300);
	put_attribute(XFRMA_MARK, &mark, sizeof(mark));
	assert_refused(EOPNOTSUPP, "mark");
	begin_sa(XFRM_MSG_NEWSA, SA_IN, 0, 0);
	assert_refused(EINVAL, "SPI other than 0");
	begin_sa(XFRM_MSG_NEWSA, SA_IN, 0, 0x300);
	put_attribute(XFRMA_IF_ID, "\1", 1);
	assert_refused(EINVAL, "'IF_ID' has 1 bytes");
	begin(XFRM_MSG_MIGRATE, 0);
	assert_refused(ENOPROTOOPT, "not migrated");
	begin(0x2f, 0);
	assert_refused(EOPNOTSUPP, "no message of type 0x2f");
	assert_null(look_up(0x300));
	assert_int_equal(list_on(&session), MANUAL_SAS);

	begin_sa(XFRM_MSG_NEWSA, SA_IN, 0, 0x300);
	put_attribute(XFRMA_MARK, &no_mark, sizeof(no_mark));
	assert_int_equal(send_off(), 0);
}

static void
listings_go_by_datagrams(void **state)
{
	enum { N = 40 };
	uint32_t count = 0;
	uint8_t ah = IPPROTO_AH;

	(void)state;
	for (unsigned i = 0; i < N; i++)
		add_sa(SA_IN, i % 3, 0x4000 + i);
	assert_int_equal(list_on(&session), MANUAL_SAS + N);
	assert_true(answer.longest <= 4096);
	assert_int_equal(answer.message.flags & NLM_F_MULTI, NLM_F_MULTI);
	begin(XFRM_MSG_GETSA, NLM_F_DUMP);
	put_attribute(XFRMA_PROTO, &ah, sizeof(ah));
	assert_int_equal(send_off(), 0);
	assert_int_equal(answer.n, 0);

	begin(XFRM_MSG_GETSADINFO, 0);
	put(&count, sizeof(count));
	send_off();
	assert_int_equal(answer.message.type, XFRM_MSG_NEWSADINFO);
	struct netlink_attribute found = read_answer(&count, sizeof(count), XFRMA_SAD_CNT);
	assert_int_equal(netlink_u32(&found), MANUAL_SAS + N);
}

static void
flushing_takes_all_and_may_find_none(void **state)
{
	struct xfrm_usersa_flush flush = { IPPROTO_AH };

	(void)state;
	begin(XFRM_MSG_FLUSHSA, NLM_F_ACK);
	put(&flush, sizeof(flush));
	assert_int_equal(send_off(), 0);
	assert_int_equal(list_on(&session), MANUAL_SAS);
	assert_int_equal(hear(), 0);
	flush.proto = 0;
	for (unsigned turn = 0; turn < 2; turn++) {
		begin(XFRM_MSG_FLUSHSA, NLM_F_ACK);
		put(&flush, sizeof(flush));
		assert_int_equal(send_off(), 0);
		assert_int_equal(list_on(&session), 0);
		assert_int_equal(hear(), turn == 0 ? XFRM_MSG_FLUSHSA : 0);
	}
	assert_null(gw->tunnels[0].out);
}

static void
events_tell_of_each_change(void **state)
{
	struct xfrm_usersa_info info;
	struct xfrm_usersa_id id;

	(void)state;
	add_sa(SA_IN, 0, 0x500);
	begin_sa(XFRM_MSG_UPDSA, SA_IN, 0, 0x500);
	assert_int_equal(send_off(), 0);
	assert_int_equal(ask_sa(XFRM_MSG_DELSA, SA_IN, 0, 0x500), 0);
	begin_sa(XFRM_MSG_UPDSA, SA_IN, 0, 0x500);
	assert_int_equal(send_off(), ESRCH);

	assert_int_equal(hear(), XFRM_MSG_NEWSA);
	assert_int_equal(hear(), XFRM_MSG_UPDSA);
	assert_int_equal(answer.message.sequence, SEQUENCE);
	assert_int_equal(hear(), XFRM_MSG_DELSA);
	struct netlink_attribute sa = read_answer(&id, sizeof(id), XFRMA_SA);
	assert_int_equal(ntohl(id.spi), 0x500);
	assert_int_equal(sa.bytes, sizeof(info));
	memcpy(&info, sa.data, sizeof(info));
	assert_int_equal(info.reqid, REQID);
	assert_int_equal(hear(), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

/* What younger clients say. */
static void
later_attributes_are_understood(void **state)
{
	static const struct {
		uint16_t type, bytes;
		uint32_t value;
		int error;
		const char *words;
	} cases[] = {
		{ XFRMA_SA_DIR, 1, 2, EINVAL, "SA is inbound (1)" },
		{ XFRMA_SA_DIR, 1, 1, 0, "" },
		{ XFRMA_NAT_KEEPALIVE_INTERVAL, 4, 20, EOPNOTSUPP, "keepalives" },
		{ XFRMA_NAT_KEEPALIVE_INTERVAL, 4, 0, 0, "" },
		{ XFRMA_SA_PCPU, 4, 0, EOPNOTSUPP, "one CPU" },
		{ XFRMA_SA_PCPU + 1, 4, 0, EINVAL, "attribute 36 is not known" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		begin_sa(XFRM_MSG_NEWSA, SA_IN, 0, 0x310 + i);
		put_attribute(cases[i].type, &cases[i].value, cases[i].bytes);
		assert_refused(cases[i].error, cases[i].words);
	}
	/* As the kernel has it: nothing can be inferred without a window. */
	struct xfrm_usersa_info info = sa_info(SA_IN, 0, 0x320);
	struct xfrm_replay_state_esn esn = { .bmp_len = 1 };
	info.replay_window = 0;
	info.flags = XFRM_STATE_ESN;
	begin(XFRM_MSG_NEWSA, NLM_F_ACK);
	put(&info, sizeof(info));
	put_scenario_suite();
	put_attribute(XFRMA_REPLAY_ESN_VAL, &esn, sizeof(esn));
	assert_refused(EINVAL, "need a replay window");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(charon_brings_up_a_pair),
		TEST(reserved_spis_are_different_and_end),
		TEST(the_tunnel_must_be_clear),
		TEST(what_is_not_there_is_refused_in_words),
		TEST(later_attributes_are_understood),
		TEST(listings_go_by_datagrams),
		TEST(flushing_takes_all_and_may_find_none),
		TEST(events_tell_of_each_change),
	};

	return cmocka_run_group_tests(tests, bench_start, bench_stop);
}
