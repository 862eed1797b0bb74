/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy_bench.h"

#include <linux/ipsec.h>

#include "dice.h"

/* Policies of family XFRM: what is taken, what it means for packets, and what comes back. */

static void
listen_to_policies(void)
{
	event_join(&ear, XFRMNLGRP_POLICY);
	event_join(&ear, XFRMNLGRP_ACQUIRE);
}

/* NEWPOLICY makes one, UPDPOLICY makes or changes one; the index stays. */
static void
new_and_update(void **state)
{
	(void)state;
	listen_to_policies();
	assert_int_equal(say_policy(XFRM_MSG_UPDPOLICY, XFRM_POLICY_OUT, 0x1111), 0);
	assert_int_equal(hear(), XFRM_MSG_UPDPOLICY);
	assert_int_equal(answer.message.sequence, SEQUENCE);
	assert_int_equal(answer.message.pid, DAEMON_PID);
	uint32_t index = get_policy(XFRM_POLICY_OUT).index;
	assert_int_equal(index & 7, XFRM_POLICY_OUT);
	assert_true(index >> 3 > 0);
	assert_int_equal(say_policy(XFRM_MSG_NEWPOLICY, XFRM_POLICY_OUT, 0x2222), EEXIST);
	assert_int_equal(hear(), 0);
	assert_int_equal(say_policy(XFRM_MSG_UPDPOLICY, XFRM_POLICY_OUT, 0x2222), 0);
	assert_int_equal(get_policy(XFRM_POLICY_OUT).index, index);
	assert_int_equal(say_policy(XFRM_MSG_NEWPOLICY, XFRM_POLICY_IN, 0), 0);
	assert_int_not_equal(get_policy(XFRM_POLICY_IN).index >> 3, index >> 3);
	assert_int_equal(list_policies(), 2);
}

static void
what_was_said_comes_back(void **state)
{
	struct xfrm_userpolicy_info said = policy_info(XFRM_POLICY_OUT), got;
	struct xfrm_user_tmpl template = policy_template(XFRM_POLICY_OUT, 0xc1c2c3c4);
	struct netlink_attribute attribute;

	(void)state;
	begin_policy(XFRM_MSG_NEWPOLICY, &said, &template);
	put_if_id(IF_ID);
	assert_int_equal(send_off(), 0);
	got = get_policy(XFRM_POLICY_OUT);
	assert_true(got.curlft.add_time > 0);
	assert_int_equal(got.curlft.use_time, 0);
	said.index = got.index;
	said.curlft = got.curlft;
	assert_memory_equal(&got, &said, sizeof(got));
	attribute = read_answer(&got, sizeof(got), XFRMA_TMPL);
	assert_int_equal(attribute.bytes, sizeof(template));
	assert_memory_equal(attribute.data, &template, sizeof(template));
	attribute = read_answer(&got, sizeof(got), XFRMA_IF_ID);
	assert_int_equal(netlink_u32(&attribute), IF_ID);
	/* By index, without if_id; by selector, it takes the if_id. */
	assert_int_equal(ask_policy(XFRM_MSG_GETPOLICY, XFRM_POLICY_OUT, said.index), 0);
	assert_int_equal(ask_policy(XFRM_MSG_GETPOLICY, XFRM_POLICY_IN, said.index), ENOENT);
	begin_policy_id(XFRM_MSG_GETPOLICY, XFRM_POLICY_OUT, 0);
	put_if_id(IF_ID + 1);
	assert_refused(ENOENT, "no policy of that selector");
}

/* "ip xfrm policy deleteall": a listing, then a DELPOLICY by index for each, without ack. */
static void
ip_deletes_all_by_index(void **state)
{
	struct xfrm_userpolicy_info info;
	struct xfrm_userpolicy_id id;

	(void)state;
	listen_to_policies();
	install_policies();
	while (hear() != 0)
		;
	for (unsigned left = 3; left > 0; left--) {
		assert_int_equal(list_policies(), left);
		assert_int_equal(answer.message.flags, NLM_F_MULTI);
		read_answer(&info, sizeof(info), 0);
		begin_policy_id(XFRM_MSG_DELPOLICY, info.dir, info.index);
		draft.bytes[offsetof(struct nlmsghdr, nlmsg_flags)] = NLM_F_REQUEST;
		assert_int_equal(send_off(), -1);
		assert_int_equal(hear(), XFRM_MSG_DELPOLICY);
		struct netlink_attribute whole = read_answer(&id, sizeof(id), XFRMA_POLICY);
		assert_int_equal(whole.bytes, sizeof(info));
		assert_memory_equal(whole.data, &info, sizeof(info));
		assert_int_equal(id.index, info.index);
		assert_int_equal(id.dir, info.dir);
	}
	assert_int_equal(list_policies(), 0);
	assert_int_equal(gw->tunnels[TUNNEL].state, TUNNEL_NO_SA);
	assert_true(may_come(foreign));
}

static void
flushing_is_heard_once(void **state)
{
	(void)state;
	listen_to_policies();
	install_policies();
	while (hear() != 0)
		;
	for (unsigned turn = 0; turn < 2; turn++) {
		begin(XFRM_MSG_FLUSHPOLICY, NLM_F_ACK);
		assert_int_equal(send_off(), 0);
		assert_int_equal(hear(), turn == 0 ? XFRM_MSG_FLUSHPOLICY : 0);
	}
	assert_int_equal(list_policies(), 0);
}

static void
a_policy_that_expires_is_told_of(void **state)
{
	struct xfrm_user_polexpire expire = { .pol = policy_info(XFRM_POLICY_OUT) };

	(void)state;
	install_policies();
	for (unsigned hard = 0; hard < 2; hard++) {
		expire.hard = (uint8_t)hard;
		begin(XFRM_MSG_POLEXPIRE, NLM_F_ACK);
		put(&expire, sizeof(expire));
		put_if_id(IF_ID);
		assert_int_equal(send_off(), 0);
		assert_int_equal(hear(), XFRM_MSG_POLEXPIRE);
		assert_int_equal(list_policies(), 3 - hard);
	}
}

/* At its start pluto lets IPv6's neighbor discovery pass, in six policies without template, and
 * does not live with a refusal. */
static void
pluto_begins_with_ipv6(void **state)
{
	struct xfrm_userpolicy_info info = { .lft = no_limits, .priority = 1 };

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		info.dir = (uint8_t)(i % 3);
		info.sel = (struct xfrm_selector) { .family = AF_INET6,
			.proto = IPPROTO_ICMPV6,
			.sport = htons(i < 3 ? 135 : 136),
			.sport_mask = 0xffff };
		begin_policy(XFRM_MSG_UPDPOLICY, &info, NULL);
		assert_int_equal(send_off(), 0);
	}
	assert_int_equal(list_policies(), 6);
	for (unsigned i = 0; i < gw->n_tunnels; i++)
		assert_null(gw->tunnels[i].policies);
}

static void
use_times_follow_the_counters(void **state)
{
	(void)state;
	install_policies();
	add_sa(SA_IN, TUNNEL, 0x900);
	add_sa(SA_OUT, TUNNEL, 0x901);
	find_sa(SA_IN, TUNNEL, 0x900)->packets_in += 5;
	policy_note_use(gw, (uint64_t)time(NULL) + 100);
	uint64_t in = get_policy(XFRM_POLICY_IN).curlft.use_time;
	assert_true(in >= (uint64_t)time(NULL) + 95);
	assert_int_equal(get_policy(XFRM_POLICY_FWD).curlft.use_time, in);
	assert_int_equal(get_policy(XFRM_POLICY_OUT).curlft.use_time, 0);
	/* No packet, no later use; one that came just now is seen without waiting for a tick. */
	policy_note_use(gw, (uint64_t)time(NULL) + 200);
	assert_int_equal(get_policy(XFRM_POLICY_IN).curlft.use_time, in);
	find_sa(SA_OUT, TUNNEL, 0x901)->sequence++;
	assert_true(get_policy(XFRM_POLICY_OUT).curlft.use_time > 0);
	assert_int_equal(get_policy(XFRM_POLICY_IN).curlft.use_time, in);
}

static void
the_database_as_a_whole(void **state)
{
	struct xfrm_userpolicy_default block = { .in = XFRM_USERPOLICY_BLOCK };
	struct xfrmu_spdinfo counts;
	uint32_t flags = UINT32_MAX;

	(void)state;
	install_policies();
	begin(XFRM_MSG_GETSPDINFO, 0);
	put(&flags, sizeof(flags));
	assert_int_equal(send_off(), -1);
	assert_int_equal(answer.message.type, XFRM_MSG_NEWSPDINFO);
	struct netlink_attribute attribute = read_answer(&flags, sizeof(flags), XFRMA_SPD_INFO);
	assert_int_equal(attribute.bytes, sizeof(counts));
	memcpy(&counts, attribute.data, sizeof(counts));
	assert_int_equal(counts.incnt, 1);
	assert_int_equal(counts.outcnt, 1);
	assert_int_equal(counts.fwdcnt, 1);
	begin(XFRM_MSG_NEWSPDINFO, NLM_F_ACK);
	put(&flags, sizeof(flags));
	assert_int_equal(send_off(), 0);
	begin(XFRM_MSG_SETDEFAULT, NLM_F_ACK);
	put(&block, sizeof(block));
	assert_refused(EOPNOTSUPP, "routes decide");
}

static void
what_is_not_there_is_refused_in_words(void **state)
{
	const struct xfrm_userpolicy_info good = policy_info(XFRM_POLICY_OUT);
	const struct xfrm_user_tmpl fit = policy_template(XFRM_POLICY_OUT, 0);
	struct xfrm_userpolicy_info info;
	struct xfrm_user_tmpl template;
	struct xfrm_mark mark = { 1, UINT32_MAX };

	(void)state;
#define REFUSED(change, error, words) \
	do { \
		info = good; \
		template = fit; \
		change; \
		begin_policy(XFRM_MSG_NEWPOLICY, &info, &template); \
		put_if_id(IF_ID); \
		assert_refused(error, words); \
	} while (0)
	REFUSED(info.dir = 3, EINVAL, "no direction 3");
	REFUSED(info.action = 2, EINVAL, "no action 2");
	REFUSED(info.share = 9, EINVAL, "no way of sharing 9");
	REFUSED(info.index = 8, EINVAL, "index 8 is one of direction 0");
	REFUSED(info.sel.family = 7, EINVAL, "no address family known: 7");
	REFUSED(info.sel.family = AF_INET6, EOPNOTSUPP, "IPv6");
	REFUSED(info.sel.prefixlen_d = 33, EINVAL, "/33");
	REFUSED(info.sel.ifindex = 2, EOPNOTSUPP, "with an interface");
	REFUSED(template.mode = XFRM_MODE_TRANSPORT, EOPNOTSUPP, "tunnel mode is");
	REFUSED(template.mode = 77, EINVAL, "no mode 77");
	REFUSED(template.id.proto = IPPROTO_AH, EOPNOTSUPP, "AH");
	REFUSED(template.family = AF_INET6, EOPNOTSUPP, "IPv6");
	REFUSED(put_if_id(77); info.dir = 8, EINVAL, "no direction 8");
#undef REFUSED
	begin_policy(XFRM_MSG_NEWPOLICY, &good, &fit);
	put_if_id(77);
	assert_refused(EINVAL, "no tunnel with if_id 77");
	begin_policy(XFRM_MSG_NEWPOLICY, &good, &fit);
	put_attribute(XFRMA_MARK, &mark, sizeof(mark));
	assert_refused(EOPNOTSUPP, "marks");
	begin_policy(XFRM_MSG_NEWPOLICY, &good, NULL);
	put_if_id(IF_ID);
	assert_refused(EOPNOTSUPP, "in the clear");
	begin_policy(XFRM_MSG_NEWPOLICY, &good, NULL);
	put_attribute(XFRMA_TMPL, (struct xfrm_user_tmpl[]) { fit, fit }, 2 * sizeof(fit));
	assert_refused(EOPNOTSUPP, "2 templates");
	begin_policy(XFRM_MSG_NEWPOLICY, &good, NULL);
	put_attribute(XFRMA_TMPL, (struct xfrm_user_tmpl[7]) { fit }, 7 * sizeof(fit));
	assert_refused(EINVAL, "7 templates");
	begin_policy(XFRM_MSG_NEWPOLICY, &good, NULL);
	put_attribute(XFRMA_TMPL, &fit, sizeof(fit) - 4);
	assert_refused(EINVAL, "TMPL");
	template = fit;
	template.id.daddr.a4 = htonl(IP(192, 0, 2, 99));
	begin_policy(XFRM_MSG_NEWPOLICY, &good, &template);
	assert_refused(EINVAL, "no tunnel between 203.0.113.191 and 192.0.2.99");
	info = good;
	info.action = XFRM_POLICY_BLOCK;
	begin_policy(XFRM_MSG_NEWPOLICY, &info, NULL);
	assert_refused(EOPNOTSUPP, "must name its tunnel");
	assert_int_equal(list_policies(), 0);
	assert_null(gw->tunnels[TUNNEL].policies);
}

static void
the_read_only_socket_looks_only(void **state)
{
	struct session reader = session;

	(void)state;
	install_policies();
	reader.access = SESSION_READ_ONLY;
	begin(XFRM_MSG_GETPOLICY, NLM_F_DUMP);
	end();
	assert_int_equal(send_on(&reader, draft.writer.buffer, draft.writer.used), 0);
	assert_int_equal(answer.n, 3);
	begin(XFRM_MSG_FLUSHPOLICY, NLM_F_ACK);
	end();
	assert_int_equal(send_on(&reader, draft.writer.buffer, draft.writer.used), EPERM);
	begin_policy_id(XFRM_MSG_DELPOLICY, XFRM_POLICY_OUT, 0);
	end();
	assert_int_equal(send_on(&reader, draft.writer.buffer, draft.writer.used), EPERM);
	assert_int_equal(list_policies(), 3);
}

static void
a_tunnel_has_so_many_and_no_more(void **state)
{
	struct xfrm_selector selector = policy_info(XFRM_POLICY_OUT).sel;
	unsigned n = 0;

	(void)state;
	selector.prefixlen_d = 32;
	do
		selector.daddr.a4 = htonl(THEIRS + n);
	while (say_selector(XFRM_POLICY_OUT, &selector, n, XFRM_POLICY_ALLOW) == 0 &&
		n++ < 2 * POLICIES_PER_TUNNEL);
	assert_int_equal(answer.error, ENOSPC);
	assert_int_equal(n, POLICIES_PER_TUNNEL);
	assert_int_equal(gateway_encap(gw, TUNNEL)->selectors->n, POLICIES_PER_TUNNEL);
	assert_int_equal(list_policies(), POLICIES_PER_TUNNEL);
	assert_true(answer.longest <= 4096);
}

/* Whatever a refused message was, nothing has changed. */
static void
mutated_messages_change_nothing(void **state)
{
	uint8_t bytes[sizeof(draft.bytes)];

	(void)state;
	dice_seed(20);
	install_policies();
	const struct selector_set *in = gateway_inbound_selectors(gw, TUNNEL);
	for (unsigned round = 0; round < 3000; round++) {
		struct xfrm_userpolicy_info info = policy_info(XFRM_POLICY_OUT);
		struct xfrm_user_tmpl template = policy_template(XFRM_POLICY_OUT, round);
		unsigned before = list_policies();

		info.sel.prefixlen_s = 17;
		begin_policy(XFRM_MSG_NEWPOLICY, &info, &template);
		put_if_id(IF_ID);
		end();
		size_t n = draft.writer.used;
		memcpy(bytes, draft.writer.buffer, n);
		for (unsigned i = 0; i < 4; i++)
			bytes[sizeof(struct nlmsghdr) +
				dice_below((uint32_t)(n - sizeof(struct nlmsghdr)))] =
				(uint8_t)dice_word();
		int error = send_on(&session, bytes, n);
		if (error == 0) {
			begin(XFRM_MSG_FLUSHPOLICY, NLM_F_ACK);
			assert_int_equal(send_off(), 0);
			install_policies();
			publish_flush(gw->publisher);
			in = gateway_inbound_selectors(gw, TUNNEL);
			continue;
		}
		assert_true(error > 0);
		assert_true(answer.words.text[0] != '\0');
		assert_int_equal(list_policies(), before);
		assert_ptr_equal(gateway_inbound_selectors(gw, TUNNEL), in);
		assert_int_equal(gateway_encap(gw, TUNNEL)->selectors->n, 1);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(new_and_update),
		TEST(what_was_said_comes_back),
		TEST(ip_deletes_all_by_index),
		TEST(flushing_is_heard_once),
		TEST(a_policy_that_expires_is_told_of),
		TEST(pluto_begins_with_ipv6),
		TEST(use_times_follow_the_counters),
		TEST(the_database_as_a_whole),
		TEST(what_is_not_there_is_refused_in_words),
		TEST(the_read_only_socket_looks_only),
		TEST(a_tunnel_has_so_many_and_no_more),
		TEST(mutated_messages_change_nothing),
	};

	return cmocka_run_group_tests(tests, bench_start, bench_stop);
}
