/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include <netinet/in.h>

#include <rte_ip.h>

#include "flow.h"
#include "policy.h"
#include "publish.h"

/* Selectors, and what policies make of them, below the control socket. */

static struct selector
selector(uint32_t local, uint32_t remote)
{
	return (struct selector) { .local = { local, 24 }, .remote = { remote, 24 } };
}

static struct policy *
put(struct gateway *gw, struct policy *old, enum policy_direction direction, uint32_t spi)
{
	struct policy_spec spec = {
		.direction = direction,
		.selector = selector(IP(10, 0, 0, 0), IP(10, 0, 1, 0)),
		.protects = true,
		.spi = spi,
		.reqid = 1,
	};
	struct policy *policy;

	assert_int_equal(policy_put(gw, old, &spec, &policy), 0);
	return policy;
}

static void
the_first_that_matches_decides(void **state)
{
	struct selector_set *set = calloc(1, sizeof(*set) + 2 * sizeof(set->selectors[0]));
	struct packet_flow flow = { IP(10, 0, 0, 1), IP(10, 0, 1, 1), 80, 1024, IPPROTO_TCP };

	(void)state;
	assert_non_null(set);
	assert_true(selector_match_flow(NULL, &flow));
	set->n = 2;
	set->selectors[0] = selector(IP(10, 0, 0, 0), IP(10, 0, 1, 0));
	set->selectors[1] = set->selectors[0];
	set->selectors[0].blocks = true;
	set->selectors[0].protocol = IPPROTO_TCP;
	set->selectors[0].local_port = 80;
	set->selectors[0].local_port_mask = 0xffff;
	assert_false(selector_match_flow(set, &flow));
	flow.local_port = 81;
	assert_true(selector_match_flow(set, &flow));
	set->selectors[0].local_port_mask = 0xfffe;
	assert_false(selector_match_flow(set, &flow));
	flow.remote = IP(10, 0, 2, 1);
	assert_false(selector_match_flow(set, &flow));
	set->n = 0;
	assert_false(selector_match_flow(set, &flow));
	assert_false(selector_match(set, flow.local, flow.remote));
	free(set);
}

/* Ports where there are some; the other end's place when a packet comes in. */
static void
packets_as_selectors_see_them(void **state)
{
	struct {
		struct rte_ipv4_hdr ip;
		uint8_t payload[8];
	} pkt = {
		.ip = { .version_ihl = RTE_IPV4_VHL_DEF,
			.total_length = htons(28),
			.next_proto_id = IPPROTO_UDP,
			.src_addr = htonl(IP(10, 0, 0, 1)),
			.dst_addr = htonl(IP(10, 0, 1, 1)) },
		.payload = { 0x12, 0x34, 0x56, 0x78 },
	};
	struct packet_flow out = flow_outbound(&pkt.ip), in = flow_inbound(&pkt.ip);

	(void)state;
	assert_int_equal(out.local, IP(10, 0, 0, 1));
	assert_int_equal(out.local_port, 0x1234);
	assert_int_equal(out.remote_port, 0x5678);
	assert_int_equal(in.local, IP(10, 0, 1, 1));
	assert_int_equal(in.local_port, 0x5678);
	assert_int_equal(in.remote_port, 0x1234);
	pkt.ip.next_proto_id = IPPROTO_ICMP;
	assert_int_equal(flow_outbound(&pkt.ip).local_port, 0x12);
	assert_int_equal(flow_outbound(&pkt.ip).remote_port, 0x34);
	pkt.ip.next_proto_id = IPPROTO_UDP;
	pkt.ip.fragment_offset = htons(RTE_IPV4_HDR_MF_FLAG);
	assert_int_equal(flow_outbound(&pkt.ip).remote_port, 0);
	pkt.ip.fragment_offset = htons(RTE_IPV4_HDR_DF_FLAG);
	assert_int_equal(flow_outbound(&pkt.ip).remote_port, 0x5678);
	pkt.ip.total_length = htons(23);
	assert_int_equal(flow_outbound(&pkt.ip).remote_port, 0);
}

/* Sets are exchanged whole, and only where something changed. */
static void
what_stays_the_same_stays_in_place(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	const struct selector_set *inbound;
	struct policy *in, *fwd;

	assert_null(gateway_inbound_selectors(gw, 0));
	in = put(gw, NULL, POLICY_IN, 0);
	inbound = gateway_inbound_selectors(gw, 0);
	assert_non_null(inbound);
	assert_null(gateway_inbound_selectors(gw, 1));
	fwd = put(gw, NULL, POLICY_FWD, 0);
	assert_ptr_equal(gateway_inbound_selectors(gw, 0), inbound);
	assert_ptr_equal(put(gw, in, POLICY_IN, 0), in);
	assert_ptr_equal(gateway_inbound_selectors(gw, 0), inbound);
	policy_delete(gw, in);
	assert_ptr_equal(gateway_inbound_selectors(gw, 0), inbound);
	policy_delete(gw, fwd);
	assert_null(gateway_inbound_selectors(gw, 0));
	assert_null(gw->tunnels[0].policies);
}

static void
a_policy_moves_to_another_tunnel(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct policy *policy = put(gw, NULL, POLICY_OUT, 0);
	struct policy_spec spec = policy->spec;

	assert_int_equal(gw->tunnels[0].state, TUNNEL_IDLE);
	spec.tunnel = 1;
	assert_int_equal(policy_put(gw, policy, &spec, &policy), 0);
	assert_int_equal(gw->tunnels[0].state, TUNNEL_NO_SA);
	assert_int_equal(gw->tunnels[1].state, TUNNEL_IDLE);
	assert_true(tunnel_carries(&gw->tunnels[1]));
	assert_true(gateway_encap(gw, 1)->hold);
	assert_false(gateway_encap(gw, 0)->hold);
}

/* Several children of one peer, each with its own policy: what was said last counts most. */
static void
the_policy_said_last_pins(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct policy *first, *second;
	struct packet_flow flow = { IP(10, 0, 0, 1), IP(10, 0, 1, 1), 0, 0, IPPROTO_TCP };

	for (uint32_t spi = 0x101; spi <= 0x103; spi++) {
		struct sa_spec spec = fixture_sa(fixture, SA_OUT, 0, spi);

		spec.reqid = 1;
		fixture_add(fixture, &spec);
	}
	assert_int_equal(gw->tunnels[0].out->spi, 0x103);
	first = put(gw, NULL, POLICY_OUT, 0x101);
	assert_int_equal(gw->tunnels[0].out->spi, 0x101);
	second = put(gw, NULL, POLICY_OUT, 0x102);
	assert_int_equal(gw->tunnels[0].out->spi, 0x102);
	put(gw, first, POLICY_OUT, 0x101);
	assert_int_equal(gw->tunnels[0].out->spi, 0x101);
	/* Of equal priorities, the older one decides about packets. */
	assert_ptr_equal(policy_match(&gw->tunnels[0], &flow), first);
	flow.remote = 0;
	assert_null(policy_match(&gw->tunnels[0], &flow));
	policy_delete(gw, first);
	assert_int_equal(gw->tunnels[0].out->spi, 0x102);
	policy_delete(gw, second);
	assert_int_equal(gw->tunnels[0].out->spi, 0x103);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_matches_decides),
		cmocka_unit_test(packets_as_selectors_see_them),
		TEST(what_stays_the_same_stays_in_place),
		TEST(a_policy_moves_to_another_tunnel),
		TEST(the_policy_said_last_pins),
	};

	return cmocka_run_group_tests(tests, fixture_start_dpdk, fixture_stop_dpdk);
}
