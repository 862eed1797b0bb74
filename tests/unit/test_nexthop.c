/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include <errno.h>

#include "ecmp.h"
#include "publish.h"

/* Next hops: interned by content, counted, replaced whole; groups that move no flow they need not
 * move. Needs neither root nor hugepages. */

static const struct nexthop *
read_hop(const struct gateway *gw, uint32_t id)
{
	return nexthop_read(nexthop_slots(gw->nexthops), id);
}

static uint32_t
acquire(struct gateway *gw, const struct nexthop_spec specs[], unsigned n)
{
	int id = nexthop_acquire(gw, specs, n, NEXTHOP_NONE);

	assert_true(id > 0);
	return (uint32_t)id;
}

static uint32_t
acquire_all_tunnels(struct gateway *gw)
{
	struct nexthop_spec specs[] = { fixture_via_tunnel(0), fixture_via_tunnel(1),
		fixture_via_tunnel(2) };

	return acquire(gw, specs, ARRAY_LEN(specs));
}

/* The tunnel that serves each bucket. */
static void
read_buckets(const struct gateway *gw, uint32_t id, uint16_t tunnels[ECMP_BUCKETS])
{
	const struct nexthop *hop = read_hop(gw, id);

	assert_int_equal(hop->kind, NEXTHOP_GROUP);
	for (unsigned bucket = 0; bucket < ECMP_BUCKETS; bucket++) {
		const struct nexthop *leaf = nexthop_leaf(hop, bucket);

		assert_int_equal(leaf->kind, NEXTHOP_TUNNEL);
		/* By whatever short way workers find it, it is what the table says. */
		assert_memory_equal(
			leaf, read_hop(gw, nexthop_leaf_id(hop, bucket)), sizeof(*leaf));
		tunnels[bucket] = leaf->tunnel;
	}
}

static unsigned
count(const uint16_t tunnels[ECMP_BUCKETS], uint16_t tunnel)
{
	unsigned n = 0;

	for (unsigned bucket = 0; bucket < ECMP_BUCKETS; bucket++)
		n += tunnels[bucket] == tunnel;
	return n;
}

static void
equal_lists_share_one_object(void **state)
{
	struct gateway *gw = ((struct fixture *)*state)->gw;
	struct nexthop_spec a = fixture_via_gateway(LAN, IP(192, 168, 50, 2));
	struct nexthop_spec b = fixture_via_gateway(WAN, IP(192, 168, 50, 2));
	struct nexthop_spec ab[] = { a, b }, ba[] = { b, a }, aba[] = { a, b, a };
	struct nexthop_spec heavy[] = { a, b };
	struct nexthop_spec listed[GROUP_MEMBERS_MAX];
	uint32_t id = acquire(gw, ab, 2);

	heavy[0].weight = 2;
	assert_int_equal(acquire(gw, &a, 1), acquire(gw, &a, 1));
	assert_int_not_equal(acquire(gw, &a, 1), acquire(gw, &b, 1));
	assert_int_equal(acquire(gw, ba, 2), id);
	assert_int_equal(acquire(gw, aba, 3), acquire(gw, heavy, 2));
	assert_int_not_equal(acquire(gw, aba, 3), id);
	assert_int_equal(nexthop_specs(gw, acquire(gw, aba, 3), listed), 2);
	assert_int_equal(listed[0].weight, 2);
	assert_int_equal(listed[0].port, LAN);
	assert_int_equal(listed[1].weight, 1);
	assert_int_equal(listed[1].gateway, IP(192, 168, 50, 2));
	/* A list of one way twice is that way. */
	assert_int_not_equal(read_hop(gw, acquire(gw, (struct nexthop_spec[]) { a, a }, 2))->kind,
		NEXTHOP_GROUP);
}

static void
leaves_say_what_was_asked_for(void **state)
{
	struct gateway *gw = ((struct fixture *)*state)->gw;
	struct nexthop_spec spec = fixture_via_gateway(WAN, IP(203, 0, 113, 1));
	const struct nexthop *hop = read_hop(gw, acquire(gw, &spec, 1));

	assert_int_equal(hop->kind, NEXTHOP_GATEWAY);
	assert_int_equal(hop->port, WAN);
	assert_ptr_equal(hop->neighbor, neighbor_get(gw->neighbors, WAN, IP(203, 0, 113, 1)));
	spec = (struct nexthop_spec) {
		.kind = NEXTHOP_DROP, .weight = 1, .reason = DROP_blackhole
	};
	assert_int_equal(read_hop(gw, acquire(gw, &spec, 1))->reason, DROP_blackhole);
	spec.reason = DROP_unreachable;
	assert_int_equal(read_hop(gw, acquire(gw, &spec, 1))->reason, DROP_unreachable);
	spec = (struct nexthop_spec) { .kind = NEXTHOP_ONLINK, .port = LAN, .weight = 1 };
	assert_int_equal(read_hop(gw, acquire(gw, &spec, 1))->port, LAN);
	spec = fixture_via_tunnel(2);
	assert_int_equal(read_hop(gw, acquire(gw, &spec, 1))->tunnel, 2);
}

static void
lists_that_make_no_sense_are_refused(void **state)
{
	struct gateway *gw = ((struct fixture *)*state)->gw;
	struct nexthop_spec many[GROUP_MEMBERS_MAX + 1];
	const struct nexthop_spec wrong[] = {
		{ .kind = NEXTHOP_TUNNEL, .tunnel = FIXTURE_TUNNELS, .weight = 1 },
		{ .kind = NEXTHOP_GATEWAY, .port = 2, .weight = 1 },
		{ .kind = NEXTHOP_GROUP, .weight = 1 },
		{ .kind = NEXTHOP_DROP, .weight = 1 },
		{ .kind = NEXTHOP_DROP, .weight = 1, .reason = DROP_no_route },
		{ .kind = NEXTHOP_TUNNEL, .weight = 0 },
		{ .kind = NEXTHOP_TUNNEL, .weight = 256 * GROUP_MEMBERS_MAX + 1 },
	};

	for (unsigned i = 0; i < ARRAY_LEN(many); i++)
		many[i] = fixture_via_gateway(LAN, i);
	assert_int_equal(nexthop_acquire(gw, many, 0, NEXTHOP_NONE), -EINVAL);
	assert_int_equal(nexthop_acquire(gw, many, ARRAY_LEN(many), NEXTHOP_NONE), -EINVAL);
	assert_true(nexthop_acquire(gw, many, GROUP_MEMBERS_MAX, NEXTHOP_NONE) > 0);
	for (unsigned i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(nexthop_acquire(gw, &wrong[i], 1, NEXTHOP_NONE), -EINVAL);
}

static void
a_slot_is_used_again_only_after_the_grace_period(void **state)
{
	struct gateway *gw = ((struct fixture *)*state)->gw;
	struct nexthop_spec first = fixture_via_gateway(LAN, 1),
			    second = fixture_via_gateway(LAN, 2);
	const struct nexthop *object;
	uint32_t id = acquire(gw, &first, 1);
	uint32_t other;

	assert_int_equal(acquire(gw, &first, 1), id);
	nexthop_release(gw, id);
	publish_flush(gw->publisher);
	object = read_hop(gw, id); /* one reference is left */
	assert_non_null(object);
	nexthop_release(gw, id);
	assert_ptr_equal(read_hop(gw, id), object); /* a worker may hold the id */
	other = acquire(gw, &second, 1);
	assert_int_not_equal(other, id);
	assert_int_not_equal(acquire(gw, &first, 1), id);
	publish_flush(gw->publisher);
	assert_null(read_hop(gw, id));
	second.gateway = 3;
	assert_int_equal(acquire(gw, &second, 1), id);
}

static void
a_group_holds_its_leaves(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct nexthop_spec specs[] = { fixture_via_gateway(LAN, 1), fixture_via_gateway(LAN, 2) };
	uint32_t group = acquire(gw, specs, 2), leaf = acquire(gw, &specs[0], 1);

	nexthop_release(gw, leaf);
	publish_flush(gw->publisher);
	assert_non_null(read_hop(gw, leaf));
	assert_int_equal(nexthop_leaf_id(read_hop(gw, group), 0), leaf);
	nexthop_release(gw, group);
	assert_non_null(read_hop(gw, leaf));
	publish_flush(gw->publisher);
	assert_null(read_hop(gw, group));
	assert_null(read_hop(gw, leaf));
}

static void
buckets_depend_on_content_alone(void **state)
{
	struct fixture *fixture = *state;
	uint16_t one[ECMP_BUCKETS], other[ECMP_BUCKETS];
	struct nexthop_spec backwards[] = { fixture_via_tunnel(2), fixture_via_tunnel(0),
		fixture_via_tunnel(1) };
	struct nexthop_spec first = fixture_via_tunnel(1);

	read_buckets(fixture->gw, acquire_all_tunnels(fixture->gw), one);
	/* Another start, in which the leaves get their ids in another order. */
	gateway_destroy(fixture->gw);
	fixture_make_gateway(fixture);
	acquire(fixture->gw, &first, 1);
	read_buckets(fixture->gw, acquire(fixture->gw, backwards, 3), other);
	assert_memory_equal(one, other, sizeof(one));
	for (uint16_t tunnel = 0; tunnel < FIXTURE_TUNNELS; tunnel++)
		assert_int_equal(count(one, tunnel), ECMP_BUCKETS / FIXTURE_TUNNELS);
}

static void
a_lost_tunnel_moves_its_own_flows_alone(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	uint16_t before[ECMP_BUCKETS], without[ECMP_BUCKETS], after[ECMP_BUCKETS];
	struct nexthop_spec unrelated_specs[] = { fixture_via_tunnel(0), fixture_via_tunnel(2) };
	const struct nexthop *unrelated;
	uint32_t unrelated_id, id;
	struct sa_spec spec = fixture_sa(fixture, SA_OUT, 1, 0x1002);

	fixture_lead_out(fixture->gw);
	fixture_bring_up(fixture);
	id = acquire_all_tunnels(gw);
	unrelated_id = acquire(gw, unrelated_specs, 2);
	unrelated = read_hop(gw, unrelated_id);
	read_buckets(gw, id, before);

	assert_int_equal(sa_delete(gw, SA_OUT, 0x1002, spec.destination), 0);
	publish_flush(gw->publisher);
	read_buckets(gw, id, without);
	assert_int_equal(count(without, 1), 0);
	assert_int_equal(count(without, 0), ECMP_BUCKETS / 2);
	for (unsigned bucket = 0; bucket < ECMP_BUCKETS; bucket++)
		if (before[bucket] != 1)
			assert_int_equal(without[bucket], before[bucket]);
	/* A group without the tunnel was not touched. */
	assert_ptr_equal(read_hop(gw, unrelated_id), unrelated);

	fixture_add(fixture, &spec);
	publish_flush(gw->publisher);
	read_buckets(gw, id, after);
	assert_memory_equal(before, after, sizeof(before));
}

static void
a_whole_group_needs_no_table(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct nexthop_spec uneven[] = { fixture_via_tunnel(0), fixture_via_tunnel(1) };
	struct sa_spec spec = fixture_sa(fixture, SA_OUT, 1, 0x1002);
	uint16_t tunnels[ECMP_BUCKETS];
	uint32_t whole, weighted;

	fixture_lead_out(fixture->gw);
	fixture_bring_up(fixture);
	whole = acquire_all_tunnels(gw);
	uneven[1].weight = 2;
	weighted = acquire(gw, uneven, 2);
	assert_int_equal(read_hop(gw, whole)->turns, 3);
	for (uint32_t bucket = 0; bucket < ECMP_BUCKETS; bucket++)
		assert_int_equal(nexthop_leaf(read_hop(gw, whole), bucket)->tunnel,
			read_hop(gw, nexthop_leaf_id(read_hop(gw, whole), bucket))->tunnel);
	read_buckets(gw, whole, tunnels);
	assert_int_equal(read_hop(gw, weighted)->turns, 0);
	read_buckets(gw, weighted, tunnels);
	assert_int_equal(count(tunnels, 1), ECMP_BUCKETS * 2 / 3);

	assert_int_equal(sa_delete(gw, SA_OUT, 0x1002, spec.destination), 0);
	assert_int_equal(read_hop(gw, whole)->turns, 0);
	fixture_add(fixture, &spec);
	assert_int_equal(read_hop(gw, whole)->turns, 3);
}

/* Dividing by multiplying is right for every bucket of every size of group. */
static void
turns_are_remainders(void **state)
{
	struct nexthop group[1 + GROUP_MEMBERS_MAX] = { { .kind = NEXTHOP_GROUP } };

	(void)state;
	for (unsigned n = 2; n <= GROUP_MEMBERS_MAX; n++) {
		group->turns = (uint8_t)n;
		group->turn = (uint16_t)((UINT16_MAX + n) / n);
		for (uint32_t bucket = 0; bucket < ECMP_BUCKETS; bucket++)
			assert_ptr_equal(nexthop_leaf(group, bucket), &group[1 + bucket % n]);
	}
}

static void
a_route_that_loses_a_way_keeps_the_flows_of_the_others(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	uint16_t before[ECMP_BUCKETS], after[ECMP_BUCKETS];
	struct nexthop_spec left[] = { fixture_via_tunnel(0), fixture_via_tunnel(2) };
	uint32_t id;
	int heir;

	fixture_lead_out(fixture->gw);
	fixture_bring_up(fixture);
	id = acquire_all_tunnels(gw);
	read_buckets(gw, id, before);
	heir = nexthop_acquire(gw, left, 2, id);
	assert_true(heir > 0);
	nexthop_release(gw, id);
	publish_flush(gw->publisher);
	read_buckets(gw, (uint32_t)heir, after);
	for (unsigned bucket = 0; bucket < ECMP_BUCKETS; bucket++)
		if (before[bucket] != 1)
			assert_int_equal(after[bucket], before[bucket]);
	assert_int_equal(count(after, 0), ECMP_BUCKETS / 2);
}

static void
ten_thousand_come_and_go(void **state)
{
	struct gateway *gw = ((struct fixture *)*state)->gw;
	uint32_t first = 0;

	for (uint32_t round = 0; round < 10000; round++) {
		struct nexthop_spec specs[] = { fixture_via_gateway(LAN, round % 7),
			fixture_via_gateway(LAN, 100 + round % 11), fixture_via_tunnel(1) };
		uint32_t id = acquire(gw, specs, 3);

		nexthop_release(gw, id);
		if (round % 100 == 99)
			publish_flush(gw->publisher);
		first = round == 0 ? id : first;
		/* 100 groups wait at most, and as many leaves as there are. */
		assert_true(id < first + 200);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(equal_lists_share_one_object),
		TEST(leaves_say_what_was_asked_for),
		TEST(lists_that_make_no_sense_are_refused),
		TEST(a_slot_is_used_again_only_after_the_grace_period),
		TEST(a_group_holds_its_leaves),
		TEST(buckets_depend_on_content_alone),
		TEST(a_lost_tunnel_moves_its_own_flows_alone),
		TEST(a_whole_group_needs_no_table),
		TEST(turns_are_remainders),
		TEST(a_route_that_loses_a_way_keeps_the_flows_of_the_others),
		TEST(ten_thousand_come_and_go),
	};

	return cmocka_run_group_tests(tests, fixture_start_dpdk, fixture_stop_dpdk);
}
