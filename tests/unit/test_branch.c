/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy_bench.h"

#include "branch.h"
#include "neighbor.h"
#include "slab.h"

/* Several SAs at work in one tunnel: what the tables make of its policies. Packets through them are
 * in tests/functional/test_children.py. */

#define REQID_LEFT 11
#define REQID_RIGHT 12
#define LEFT IP(172, 16, 5, 9)
#define RIGHT IP(172, 16, 5, 200)

static int
say(uint32_t network, uint32_t reqid, uint32_t spi)
{
	struct xfrm_userpolicy_info info = policy_info(XFRM_POLICY_OUT);
	struct xfrm_user_tmpl template = policy_template(XFRM_POLICY_OUT, spi);

	info.sel.daddr.a4 = htonl(network);
	info.sel.prefixlen_d = 25;
	template.reqid = reqid;
	begin_policy(XFRM_MSG_UPDPOLICY, &info, &template);
	put_if_id(IF_ID);
	return send_off();
}

static void
add(uint32_t spi, uint32_t reqid)
{
	struct xfrm_usersa_info info = sa_info(SA_OUT, TUNNEL, spi);

	info.reqid = reqid;
	begin(XFRM_MSG_NEWSA, NLM_F_ACK);
	put(&info, sizeof(info));
	put_scenario_suite();
	put_if_id(IF_ID);
	assert_int_equal(send_off(), 0);
}

static void
say_both(void)
{
	assert_int_equal(say(IP(172, 16, 5, 0), REQID_LEFT, 0), 0);
	assert_int_equal(say(IP(172, 16, 5, 128), REQID_RIGHT, 0), 0);
}

/* What a packet to that address goes through. */
static const struct encap *
taken(uint32_t to)
{
	const struct packet_flow flow = { .local = OUR_HOST, .remote = to };

	return branch_encap(gateway_encap(gw, TUNNEL), &flow);
}

static void
policies_that_agree_need_no_branches(void **state)
{
	(void)state;
	say_both();
	assert_null(gateway_encap(gw, TUNNEL)->branches);
	assert_int_equal(gw->tunnels[TUNNEL].state, TUNNEL_IDLE);
	add(0x100, 0); /* of no reqid: any policy takes it */
	assert_null(gateway_encap(gw, TUNNEL)->branches);
	assert_int_equal(taken(LEFT)->sa->spi, 0x100);
	assert_int_equal(taken(RIGHT)->sa->spi, 0x100);
}

static void
each_has_the_newest_of_its_reqid_or_the_one_it_names(void **state)
{
	(void)state;
	say_both();
	add(0x100, REQID_LEFT);
	assert_non_null(gateway_encap(gw, TUNNEL)->branches);
	assert_true(taken(RIGHT)->hold);
	assert_int_equal(taken(RIGHT)->drop, DROP_no_sa);
	add(0x200, REQID_RIGHT);
	add(0x101, REQID_LEFT);
	assert_int_equal(taken(LEFT)->sa->spi, 0x101);
	assert_int_equal(taken(RIGHT)->sa->spi, 0x200);
	assert_int_equal(say(IP(172, 16, 5, 0), REQID_LEFT, 0x100), 0);
	assert_int_equal(taken(LEFT)->sa->spi, 0x100);
	assert_int_equal(ask_sa(XFRM_MSG_DELSA, SA_OUT, TUNNEL, 0x100), 0);
	assert_int_equal(taken(LEFT)->sa->spi, 0x101);
	assert_int_equal(taken(STRANGER)->drop, DROP_policy_out);
	assert_null(taken(STRANGER)->sa);
}

static void
expire(uint32_t spi)
{
	atomic_store(&find_sa(SA_OUT, TUNNEL, spi)->expired, true);
	tunnel_refresh(gw, &gw->tunnels[TUNNEL]);
}

/* A kernel deletes it, and its policy asks: alike with branches and, when all ran out, without. */
static void
one_that_ran_out_is_asked_for_again(void **state)
{
	(void)state;
	say_both();
	add(0x100, REQID_LEFT);
	add(0x200, REQID_RIGHT);
	expire(0x200);
	assert_non_null(gateway_encap(gw, TUNNEL)->branches);
	assert_int_equal(taken(RIGHT)->drop, DROP_sa_expired);
	assert_true(taken(RIGHT)->hold);
	assert_false(taken(LEFT)->hold);
	expire(0x100);
	assert_null(gateway_encap(gw, TUNNEL)->branches);
	assert_int_equal(taken(RIGHT)->drop, DROP_sa_expired);
	assert_true(taken(RIGHT)->hold);
}

static void
a_neighbor_that_moves_moves_all(void **state)
{
	const uint8_t mac[6] = { 2, 0, 0, 0, 0, 0x77 };
	struct rte_ether_addr address;

	(void)state;
	memcpy(&address, mac, sizeof(mac));
	say_both();
	add(0x100, REQID_LEFT);
	add(0x200, REQID_RIGHT);
	struct neighbor *router = neighbor_get(gw->neighbors, 1, IP(203, 0, 113, 1));
	neighbor_set(router, &address);
	tunnel_refresh_via(gw, router);
	for (unsigned i = 0; i < 2; i++) {
		const struct encap *encap = taken(i == 0 ? LEFT : RIGHT);

		assert_memory_equal(
			encap->header + ENCAP_HEADER_BYTES - encap->header_bytes, mac, sizeof(mac));
	}
}

/* And one that goes blocks all: that is what is wrong then, whichever policy comes first. */
static void
a_neighbor_that_goes_is_the_reason(void **state)
{
	struct neighbor *router = neighbor_get(gw->neighbors, 1, IP(203, 0, 113, 1));
	char why[TUNNEL_WHY_BYTES];

	(void)state;
	say_both();
	for (uint32_t reqid = REQID_RIGHT; reqid >= REQID_LEFT; reqid--) {
		add(reqid, reqid);
		assert_int_equal(branch_blocked(gateway_encap(gw, TUNNEL)), DROP_NONE);
		neighbor_set(router, NULL);
		tunnel_refresh_via(gw, router);
		assert_int_equal(branch_blocked(gateway_encap(gw, TUNNEL)), DROP_no_neighbor);
		assert_int_equal(gw->tunnels[TUNNEL].state, TUNNEL_UNREACHABLE);
		assert_true(tunnel_why(gw, &gw->tunnels[TUNNEL], why));
		assert_string_equal(why, "neighbor 203.0.113.1 of port wan0 is not known");
		neighbor_set(router, &(struct rte_ether_addr) { { 2 } });
		tunnel_refresh_via(gw, router);
	}
	assert_int_equal(gw->tunnels[TUNNEL].state, TUNNEL_UP);
}

/* Each change takes slots anew, and none is lost; with no grace period between them either. */
static void
changes_without_end_find_room(void **state)
{
	size_t before;

	(void)state;
	publish_flush(gw->publisher);
	before = slab_count(gw->slab);
	say_both();
	for (uint32_t spi = 0x100; spi < 0x104; spi++)
		add(spi, spi % 2 == 0 ? REQID_LEFT : REQID_RIGHT);
	for (uint32_t turn = 0; turn < 3 * BRANCH_SLOTS; turn++) {
		uint32_t left = 0x100 + turn % 2 * 2;

		assert_int_equal(say(IP(172, 16, 5, 0), REQID_LEFT, left), 0);
		assert_int_equal(taken(LEFT)->sa->spi, left);
		assert_int_equal(taken(RIGHT)->sa->spi, 0x103);
	}
	begin(XFRM_MSG_FLUSHPOLICY, NLM_F_ACK);
	assert_int_equal(send_off(), 0);
	assert_null(gateway_encap(gw, TUNNEL)->branches);
	for (uint32_t spi = 0x100; spi < 0x104; spi++)
		assert_int_equal(ask_sa(XFRM_MSG_DELSA, SA_OUT, TUNNEL, spi), 0);
	publish_flush(gw->publisher);
	/* But for the encap, which is one again after it was the static one. */
	assert_in_range(slab_count(gw->slab), before, before + 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(policies_that_agree_need_no_branches),
		TEST(each_has_the_newest_of_its_reqid_or_the_one_it_names),
		TEST(one_that_ran_out_is_asked_for_again),
		TEST(a_neighbor_that_moves_moves_all),
		TEST(a_neighbor_that_goes_is_the_reason),
		TEST(changes_without_end_find_room),
	};

	return cmocka_run_group_tests(tests, bench_start, bench_stop);
}
