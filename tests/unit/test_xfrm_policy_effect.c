/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy_bench.h"

#include <linux/ipsec.h>

/* What policies of family XFRM do to packets: which pass, and which SA they take. */

static void
without_policies_everything_passes(void **state)
{
	(void)state;
	assert_true(may_leave(foreign));
	assert_true(may_come(foreign));
	assert_int_equal(gw->tunnels[TUNNEL].state, TUNNEL_NO_SA);
	assert_int_equal(list_policies(), 0);
}

static void
policies_decide_what_passes(void **state)
{
	(void)state;
	install_policies();
	assert_int_equal(gw->tunnels[TUNNEL].state, TUNNEL_IDLE);
	assert_true(may_leave(ordinary) && may_come(ordinary));
	assert_false(may_leave(foreign) || may_come(foreign));
	/* "In" and "fwd" are one to workers, and prefixes alone are all that they look at. */
	assert_int_equal(gateway_inbound_selectors(gw, TUNNEL)->n, 1);
	assert_true(gateway_inbound_selectors(gw, TUNNEL)->plain);

	assert_int_equal(ask_policy(XFRM_MSG_DELPOLICY, XFRM_POLICY_OUT, 0), 0);
	assert_int_equal(gw->tunnels[TUNNEL].state, TUNNEL_NO_SA);
	assert_int_equal(ask_policy(XFRM_MSG_DELPOLICY, XFRM_POLICY_IN, 0), 0);
	assert_true(may_come(ordinary));
	assert_false(may_come(foreign));
	assert_int_equal(ask_policy(XFRM_MSG_DELPOLICY, XFRM_POLICY_FWD, 0), 0);
	assert_true(may_come(foreign));
	assert_int_equal(ask_policy(XFRM_MSG_DELPOLICY, XFRM_POLICY_FWD, 0), ENOENT);
}

static void
one_way_alone_closes_the_other(void **state)
{
	(void)state;
	assert_int_equal(say_policy(XFRM_MSG_UPDPOLICY, XFRM_POLICY_OUT, 0), 0);
	assert_true(may_leave(ordinary));
	assert_false(may_come(ordinary));
}

static void
the_configurations_selectors_come_back(void **state)
{
	const struct selector_set *base = gw->tunnels[0].selectors;
	struct xfrm_userpolicy_info info = policy_info(XFRM_POLICY_OUT);
	struct xfrm_user_tmpl template = policy_template(XFRM_POLICY_OUT, 0);

	(void)state;
	assert_non_null(base);
	assert_ptr_equal(gateway_encap(gw, 0)->selectors, base);
	template.id.daddr.a4 = htonl(REMOTE(0));
	begin_policy(XFRM_MSG_NEWPOLICY, &info, &template);
	assert_int_equal(send_off(), 0); /* the addresses name the tunnel */
	assert_ptr_not_equal(gateway_encap(gw, 0)->selectors, base);
	assert_int_equal(gateway_inbound_selectors(gw, 0)->n, 0);
	begin(XFRM_MSG_FLUSHPOLICY, NLM_F_ACK);
	assert_int_equal(send_off(), 0);
	publish_flush(gw->publisher);
	assert_ptr_equal(gateway_encap(gw, 0)->selectors, base);
	assert_ptr_equal(gateway_inbound_selectors(gw, 0), base);
}

static void
ports_and_protocols_count(void **state)
{
	struct xfrm_selector selector = policy_info(XFRM_POLICY_OUT).sel;
	struct packet_flow flow = ordinary;

	(void)state;
	selector.proto = IPPROTO_TCP;
	selector.dport = htons(443);
	selector.dport_mask = 0xffff;
	assert_int_equal(say_selector(XFRM_POLICY_OUT, &selector, 1, XFRM_POLICY_ALLOW), 0);
	assert_false(gateway_encap(gw, TUNNEL)->selectors->plain);
	assert_true(may_leave(flow));
	flow.remote_port = 80;
	assert_false(may_leave(flow));
	flow = ordinary;
	flow.protocol = IPPROTO_UDP;
	assert_false(may_leave(flow));

	/* In is seen from the other end: our port is their destination port. */
	selector = policy_info(XFRM_POLICY_IN).sel;
	selector.proto = IPPROTO_UDP;
	selector.dport = htons(53);
	selector.dport_mask = 0xffff;
	assert_int_equal(say_selector(XFRM_POLICY_IN, &selector, 1, XFRM_POLICY_ALLOW), 0);
	flow = (struct packet_flow) { OUR_HOST, THEIR_HOST, 53, 9999, IPPROTO_UDP };
	assert_true(may_come(flow));
	flow = (struct packet_flow) { OUR_HOST, THEIR_HOST, 9999, 53, IPPROTO_UDP };
	assert_false(may_come(flow));
}

static void
priority_decides_and_may_block(void **state)
{
	struct xfrm_selector selector = policy_info(XFRM_POLICY_OUT).sel;
	struct packet_flow flow = ordinary;

	(void)state;
	assert_int_equal(say_selector(XFRM_POLICY_OUT, &selector, 200, XFRM_POLICY_ALLOW), 0);
	selector.daddr.a4 = htonl(THEIR_HOST);
	selector.prefixlen_d = 32;
	assert_int_equal(say_selector(XFRM_POLICY_OUT, &selector, 100, XFRM_POLICY_BLOCK), 0);
	assert_false(may_leave(flow));
	flow.remote = THEIR_HOST + 1;
	assert_true(may_leave(flow));
	/* One that blocks, but comes later, blocks nothing; and asks for no SA. */
	selector.daddr.a4 = htonl(THEIR_HOST + 1);
	assert_int_equal(say_selector(XFRM_POLICY_OUT, &selector, 300, XFRM_POLICY_BLOCK), 0);
	assert_true(may_leave(flow));
	begin(XFRM_MSG_FLUSHPOLICY, 0);
	assert_int_equal(send_off(), -1);
	assert_int_equal(say_selector(XFRM_POLICY_OUT, &selector, 300, XFRM_POLICY_BLOCK), 0);
	assert_int_equal(gw->tunnels[TUNNEL].state, TUNNEL_NO_SA);
}

/* Rekeying as charon does it: the tunnel sends on what the out policy names, not on the newest. */
static void
the_template_pins_the_sa(void **state)
{
	const struct tunnel *tunnel = &gw->tunnels[TUNNEL];
	const struct selector_set *selectors;

	(void)state;
	add_sa(SA_IN, TUNNEL, 0x100);
	add_sa(SA_OUT, TUNNEL, 0x200);
	install_policies();
	assert_int_equal(say_policy(XFRM_MSG_UPDPOLICY, XFRM_POLICY_OUT, 0x200), 0);
	assert_int_equal(tunnel->out->spi, 0x200);
	selectors = gateway_encap(gw, TUNNEL)->selectors;

	add_sa(SA_IN, TUNNEL, 0x101);
	add_sa(SA_OUT, TUNNEL, 0x201);
	assert_int_equal(tunnel->out->spi, 0x200);
	assert_int_equal(say_policy(XFRM_MSG_UPDPOLICY, XFRM_POLICY_IN, 0), 0);
	assert_int_equal(say_policy(XFRM_MSG_UPDPOLICY, XFRM_POLICY_FWD, 0), 0);
	assert_int_equal(tunnel->out->spi, 0x200);
	assert_int_equal(say_policy(XFRM_MSG_UPDPOLICY, XFRM_POLICY_OUT, 0x201), 0);
	assert_int_equal(tunnel->out->spi, 0x201);
	assert_int_equal(ask_sa(XFRM_MSG_DELSA, SA_OUT, TUNNEL, 0x200), 0);
	assert_int_equal(tunnel->out->spi, 0x201);
	/* Workers noticed nothing of it but the SA. */
	assert_ptr_equal(gateway_encap(gw, TUNNEL)->selectors, selectors);
	assert_int_equal(tunnel->state, TUNNEL_UP);

	/* What it names is not there any more: better another of the reqid than none. */
	add_sa(SA_OUT, TUNNEL, 0x202);
	assert_int_equal(ask_sa(XFRM_MSG_DELSA, SA_OUT, TUNNEL, 0x201), 0);
	assert_int_equal(tunnel->out->spi, 0x202);
	assert_int_equal(ask_sa(XFRM_MSG_DELSA, SA_OUT, TUNNEL, 0x202), 0);
	assert_int_equal(tunnel->state, TUNNEL_IDLE);
}

/* Pluto's: no SPI in the template, one reqid: the newest SA of that reqid. */
static void
without_spi_the_newest_of_the_reqid(void **state)
{
	struct xfrm_usersa_info other = sa_info(SA_OUT, TUNNEL, 0x300);

	(void)state;
	assert_int_equal(say_policy(XFRM_MSG_UPDPOLICY, XFRM_POLICY_OUT, 0), 0);
	add_sa(SA_OUT, TUNNEL, 0x200);
	add_sa(SA_OUT, TUNNEL, 0x201);
	assert_int_equal(gw->tunnels[TUNNEL].out->spi, 0x201);
	other.reqid = REQID + 1;
	begin(XFRM_MSG_NEWSA, NLM_F_ACK);
	put(&other, sizeof(other));
	put_scenario_suite();
	put_if_id(IF_ID);
	assert_int_equal(send_off(), 0);
	assert_int_equal(gw->tunnels[TUNNEL].out->spi, 0x201);
}

/* Down, and waiting for traffic again: pluto says its out policy anew, as a trap without address.
 */
static void
a_trap_stays_with_its_tunnel(void **state)
{
	struct xfrm_userpolicy_info info = policy_info(XFRM_POLICY_OUT);
	struct xfrm_user_tmpl trap = {
		.id.proto = IPPROTO_ESP, .family = AF_INET, .mode = XFRM_MODE_TRANSPORT
	};
	struct xfrm_user_tmpl template = policy_template(XFRM_POLICY_OUT, 0);

	(void)state;
	begin_policy(XFRM_MSG_UPDPOLICY, &info, &template);
	assert_int_equal(send_off(), 0);
	assert_int_equal(gw->tunnels[TUNNEL].state, TUNNEL_IDLE);
	begin_policy(XFRM_MSG_UPDPOLICY, &info, &trap);
	assert_int_equal(send_off(), 0);
	assert_int_equal(gw->tunnels[TUNNEL].state, TUNNEL_IDLE);
	assert_true(may_leave(ordinary));
	/* Its SAs come first: sent on already, the answers would meet neither inbound SA nor
	 * policy. */
	add_sa(SA_OUT, TUNNEL, 0x200);
	assert_int_equal(gw->tunnels[TUNNEL].state, TUNNEL_IDLE);
	begin_policy(XFRM_MSG_UPDPOLICY, &info, &template);
	assert_int_equal(send_off(), 0);
	assert_int_equal(gw->tunnels[TUNNEL].state, TUNNEL_UP);
	assert_int_equal(gw->tunnels[TUNNEL].out->spi, 0x200);
	begin_policy(XFRM_MSG_UPDPOLICY, &info, &trap);
	assert_int_equal(send_off(), 0);
	assert_int_equal(gw->tunnels[TUNNEL].state, TUNNEL_IDLE);
	/* One that came like that, with three tunnels to choose from, has no effect. */
	info.sel.prefixlen_d = 32;
	begin_policy(XFRM_MSG_UPDPOLICY, &info, &trap);
	assert_int_equal(send_off(), 0);
	assert_int_equal(gateway_encap(gw, TUNNEL)->selectors->n, 1);
	assert_int_equal(list_policies(), 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_policies_everything_passes),
		TEST(policies_decide_what_passes),
		TEST(one_way_alone_closes_the_other),
		TEST(the_configurations_selectors_come_back),
		TEST(ports_and_protocols_count),
		TEST(priority_decides_and_may_block),
		TEST(the_template_pins_the_sa),
		TEST(without_spi_the_newest_of_the_reqid),
		TEST(a_trap_stays_with_its_tunnel),
	};

	return cmocka_run_group_tests(tests, bench_start, bench_stop);
}
