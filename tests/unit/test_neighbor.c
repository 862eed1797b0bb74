/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#include "publish.h"

/* The neighbor table: what is in use stays, what is not makes room for others. */

static const struct rte_ether_addr mac = { { 2, 0, 0, 0, 0, 9 } };

static uint32_t
numbered(uint32_t n)
{
	return IP(10, 0, 0, 0) + n;
}

/* Resolves so many neighbors of the LAN; returns how many found room. */
static uint32_t
fill(struct gateway *gw, uint32_t from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct neighbor *neighbor = neighbor_get(gw->neighbors, LAN, numbered(from + i));

		if (neighbor == NULL)
			return i;
		neighbor_set(neighbor, &mac);
	}
	return n;
}

static void
forget(struct gateway *gw, uint32_t from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		neighbor_set(neighbor_get(gw->neighbors, LAN, numbered(from + i)), NULL);
}

static uint32_t
count(const struct gateway *gw)
{
	uint32_t n = 0;

	for (uint32_t cursor = 0; neighbor_next(gw->neighbors, &cursor) != NULL;)
		n++;
	return n;
}

static void
forgotten_ones_make_room(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	uint32_t before = count(gw); /* what the tunnels send through */

	assert_int_equal(fill(gw, 0, NEIGHBORS_MAX), NEIGHBORS_MAX - before);
	assert_null(neighbor_get(gw->neighbors, WAN, numbered(0)));
	for (uint32_t round = 0; round < 4; round++) {
		forget(gw, round * 1000, 1000);
		assert_int_equal(count(gw), NEIGHBORS_MAX - 1000);
		assert_int_equal(fill(gw, NEIGHBORS_MAX + round * 1000, 2000), 1000);
	}
	for (uint32_t i = 0; i < 4000; i++) {
		assert_null(neighbor_lookup(gw->neighbors, LAN, numbered(i)));
		assert_non_null(
			neighbor_lookup(gw->neighbors, LAN, numbered(NEIGHBORS_MAX + i % 1000)));
	}
	assert_non_null(neighbor_lookup(gw->neighbors, LAN, numbered(4000)));
}

static void
held_ones_stay(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	const struct prefix prefix = { IP(172, 16, 0, 0), 12 };
	struct route_change set =
		fixture_set(gw, prefix, fixture_via_gateway(LAN, IP(192, 168, 50, 2)));
	struct route_change delete = { .op = ROUTE_DELETE, .route = set.route };

	assert_int_equal(route_apply(gw, &set, 1), 0);
	const struct neighbor *router = neighbor_lookup(gw->neighbors, LAN, IP(192, 168, 50, 2));
	assert_non_null(router);
	uint32_t before = count(gw);
	fill(gw, 0, NEIGHBORS_MAX);
	forget(gw, 0, NEIGHBORS_MAX - before);
	assert_int_equal(fill(gw, NEIGHBORS_MAX, NEIGHBORS_MAX), NEIGHBORS_MAX - before);
	assert_ptr_equal(neighbor_lookup(gw->neighbors, LAN, IP(192, 168, 50, 2)), router);

	assert_int_equal(route_apply(gw, &delete, 1), 0);
	publish_flush(gw->publisher);
	assert_int_equal(fill(gw, 0, 2), 1); /* in the router's place */
	assert_null(neighbor_lookup(gw->neighbors, LAN, IP(192, 168, 50, 2)));
}

/* A tunnel's way out, and that of its branches, is looked for as long as the tunnel needs it. */
static void
a_tunnels_way_out_is_listed_while_it_is_needed(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	const struct prefix near = { IP(192, 0, 2, 0), 24 };
	struct route_change set = fixture_set(gw, near,
		(struct nexthop_spec) { .kind = NEXTHOP_ONLINK, .port = WAN, .weight = 1 });
	struct route_change away = fixture_set(gw, near, fixture_via_tunnel(2));
	uint32_t before = count(gw);

	assert_int_equal(route_apply(gw, &set, 1), 0);
	assert_int_equal(count(gw), before + FIXTURE_TUNNELS);
	tunnel_refresh_all(gw);
	assert_int_equal(count(gw), before + FIXTURE_TUNNELS);
	assert_int_equal(route_apply(gw, &away, 1), 0);
	assert_int_equal(count(gw), before);
}

struct reader {
	struct gateway *gw;
	uint32_t address;
	_Atomic bool stop;
	uint64_t misses, looks;
};

static void *
look(void *argument)
{
	struct reader *reader = argument;

	rcu_online(reader->gw->rcu, 0);
	while (!atomic_load(&reader->stop)) {
		const struct neighbor *neighbor =
			neighbor_lookup(reader->gw->neighbors, LAN, reader->address);

		reader->misses += neighbor == NULL || neighbor->address != reader->address ||
			neighbor_read(neighbor) == 0;
		reader->looks++;
		rcu_quiescent(reader->gw->rcu, 0);
	}
	rcu_offline(reader->gw->rcu, 0);
	return NULL;
}

/* Others come and go in the chains that a worker walks. */
static void
readers_always_find_what_stays(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct reader reader = { .gw = gw, .address = numbered(0) };
	pthread_t thread;

	fill(gw, 0, NEIGHBORS_MAX);
	assert_int_equal(pthread_create(&thread, NULL, look, &reader), 0);
	for (uint32_t round = 0; round < 40; round++) {
		forget(gw, 1 + round * 1000, 1000);
		assert_int_equal(fill(gw, NEIGHBORS_MAX + round * 1000, 1000), 1000);
	}
	atomic_store(&reader.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(reader.misses, 0);
	assert_true(reader.looks > 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(forgotten_ones_make_room),
		TEST(held_ones_stay),
		TEST(a_tunnels_way_out_is_listed_while_it_is_needed),
		TEST(readers_always_find_what_stays),
	};

	return cmocka_run_group_tests(tests, fixture_start_dpdk, fixture_stop_dpdk);
}
