/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy_bench.h"

#include <rte_errno.h>
#include <rte_udp.h>

#include "bench_packets.h"
#include "clock.h"

/* Packets that wait for an SA: who is asked for it, how often, and what becomes of them. */

#define START (1000 * SECOND_NS)

static struct {
	unsigned n;
	uint16_t port[2 * HOLD_PKTS]; /* source ports, in which the tests number packets */
	uint16_t tunnel[2 * HOLD_PKTS];
} sent;

static int
setup(void **state)
{
	bench_setup(state);
	event_join(&ear, XFRMNLGRP_ACQUIRE);
	sent.n = 0;
	return 0;
}

static void
hold_one(uint16_t tunnel, uint16_t number, uint64_t now_ns)
{
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(pool);
	char *data;

	assert_non_null(pkt);
	data = rte_pktmbuf_append(pkt, 14 + 20 + 8);
	memset(data, 0, 14);
	memcpy(data + 14,
		&(struct rte_ipv4_hdr) {
			.version_ihl = RTE_IPV4_VHL_DEF,
			.total_length = htons(28),
			.time_to_live = 63,
			.next_proto_id = IPPROTO_UDP,
			.src_addr = htonl(OUR_HOST),
			.dst_addr = htonl(THEIR_HOST),
		},
		20);
	memcpy(data + 34, &(struct rte_udp_hdr) { htons(number), htons(53), htons(8), 0 }, 8);
	pkt->hash.usr = (uint32_t)PUNT_HOLD << 16 | tunnel;
	hold_take(gw, pkt, now_ns);
}

static void
send_packet(const void *to, struct rte_mbuf *pkt, uint16_t tunnel)
{
	const uint8_t *udp = rte_pktmbuf_mtod_offset(pkt, const uint8_t *, 34);

	assert_ptr_equal(to, &sent);
	sent.port[sent.n] = (uint16_t)(udp[0] << 8 | udp[1]);
	sent.tunnel[sent.n++] = tunnel;
	rte_pktmbuf_free(pkt);
}

static void
release(uint64_t now_ns)
{
	hold_release(gw, now_ns, send_packet, &sent);
}

/* The way to the tunnel's remote end, so that it can send once it has an SA. */
static void
bring_up(void)
{
	add_sa(SA_OUT, TUNNEL, 0x200);
	assert_int_equal(gateway_encap(gw, TUNNEL)->drop, DROP_NONE);
}

static void
the_first_packet_asks(void **state)
{
	struct xfrm_user_acquire acquire;
	struct xfrm_user_tmpl template;
	struct netlink_attribute attribute;

	(void)state;
	install_policies();
	hold_one(TUNNEL, 1234, START);
	assert_int_equal(hear(), XFRM_MSG_ACQUIRE);
	assert_int_equal(answer.message.sequence, 0);
	attribute = read_answer(&acquire, sizeof(acquire), XFRMA_TMPL);
	assert_int_equal(attribute.bytes, sizeof(template));
	memcpy(&template, attribute.data, sizeof(template));
	assert_int_equal(template.reqid, REQID);
	attribute = read_answer(&acquire, sizeof(acquire), XFRMA_IF_ID);
	assert_int_equal(netlink_u32(&attribute), IF_ID);
	assert_int_equal(ntohl(acquire.id.daddr.a4), REMOTE(TUNNEL));
	assert_int_equal(ntohl(acquire.saddr.a4), LOCAL);
	assert_int_equal(acquire.id.proto, IPPROTO_ESP);
	assert_int_equal(acquire.policy.index, get_policy(XFRM_POLICY_OUT).index);
	assert_int_equal(acquire.seq, 1);
	/* The packet, as narrow as can be. */
	assert_int_equal(ntohl(acquire.sel.saddr.a4), OUR_HOST);
	assert_int_equal(ntohl(acquire.sel.daddr.a4), THEIR_HOST);
	assert_int_equal(acquire.sel.prefixlen_s, 32);
	assert_int_equal(acquire.sel.proto, IPPROTO_UDP);
	assert_int_equal(ntohs(acquire.sel.sport), 1234);
	assert_int_equal(ntohs(acquire.sel.dport), 53);
	assert_int_equal(hear(), 0);
}

static void
nobody_is_asked_twice(void **state)
{
	unsigned asked = 0;

	(void)state;
	install_policies();
	for (unsigned tenth = 0; tenth < 10 * HOLD_SECONDS; tenth++)
		hold_one(TUNNEL, 1, START + tenth * SECOND_NS / 10);
	while (hear() == XFRM_MSG_ACQUIRE)
		asked++;
	assert_int_equal(asked, 1);
	hold_one(TUNNEL, 1, START + HOLD_SECONDS * SECOND_NS);
	assert_int_equal(hear(), XFRM_MSG_ACQUIRE);
	/* One came, and went: somebody is asked again, but not at once. */
	uint64_t now = START + HOLD_SECONDS * SECOND_NS;
	bring_up();
	assert_int_equal(ask_sa(XFRM_MSG_DELSA, SA_OUT, TUNNEL, 0x200), 0);
	assert_int_equal(hear(), XFRM_MSG_NEWSA);
	assert_int_equal(hear(), XFRM_MSG_DELSA);
	hold_one(TUNNEL, 1, now + SECOND_NS / 2);
	assert_int_equal(hear(), 0);
	hold_one(TUNNEL, 1, now + SECOND_NS);
	assert_int_equal(hear(), XFRM_MSG_ACQUIRE);
	/* A daemon that starts anew says its policies anew, and is asked anew. */
	assert_int_equal(say_policy(XFRM_MSG_UPDPOLICY, XFRM_POLICY_OUT, 0), 0);
	hold_one(TUNNEL, 1, now + 2 * SECOND_NS);
	assert_int_equal(hear(), XFRM_MSG_ACQUIRE);
}

static void
what_waited_leaves_in_order(void **state)
{
	(void)state;
	install_policies();
	for (uint16_t i = 0; i < 10; i++)
		hold_one(TUNNEL, i, START);
	release(START);
	release(START + 2 * SECOND_NS);
	assert_int_equal(sent.n, 0);
	assert_int_equal(gw->tunnels[TUNNEL].held, 10);
	bring_up();
	/* One that was on its way when the SA came leaves behind them. */
	hold_one(TUNNEL, 10, START + 2 * SECOND_NS);
	release(START + 2 * SECOND_NS);
	assert_int_equal(sent.n, 11);
	for (uint16_t i = 0; i <= 10; i++) {
		assert_int_equal(sent.port[i], i);
		assert_int_equal(sent.tunnel[i], TUNNEL);
	}
	assert_int_equal(gw->tunnels[TUNNEL].held, 0);
	assert_int_equal(gw->control_drops[DROP_no_sa], 0);
	hold_one(TUNNEL, 11, START + 3 * SECOND_NS);
	release(START + 3 * SECOND_NS);
	assert_int_equal(sent.n, 12);
}

static void
waiting_has_its_bounds(void **state)
{
	(void)state;
	install_policies();
	for (uint16_t i = 0; i < HOLD_TUNNEL_PKTS + 7; i++)
		hold_one(TUNNEL, i, START);
	assert_int_equal(gw->control_drops[DROP_no_sa], 7);
	release(START + (HOLD_SECONDS - 1) * SECOND_NS);
	assert_int_equal(gw->tunnels[TUNNEL].held, HOLD_TUNNEL_PKTS);
	release(START + HOLD_SECONDS * SECOND_NS);
	assert_int_equal(gw->tunnels[TUNNEL].held, 0);
	assert_int_equal(gw->control_drops[DROP_no_sa], HOLD_TUNNEL_PKTS + 7);
	bring_up();
	release(START + HOLD_SECONDS * SECOND_NS);
	assert_int_equal(sent.n, 0);
}

static void
without_policy_nothing_waits(void **state)
{
	(void)state;
	install_policies();
	hold_one(TUNNEL, 1, START);
	begin(XFRM_MSG_FLUSHPOLICY, NLM_F_ACK);
	assert_int_equal(send_off(), 0);
	release(START + SECOND_NS);
	assert_int_equal(gw->tunnels[TUNNEL].held, 0);
	assert_int_equal(gw->control_drops[DROP_no_sa], 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, pool_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_packet_asks),
		TEST(nobody_is_asked_twice),
		TEST(what_waited_leaves_in_order),
		TEST(waiting_has_its_bounds),
		TEST(without_policy_nothing_waits),
	};

	return cmocka_run_group_tests(tests, pool_start, bench_stop);
}
