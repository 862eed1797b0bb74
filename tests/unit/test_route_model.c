/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include <errno.h>

#include "dice.h"

/* Routes: look-ups against a naive model, under random changes of crowded prefixes. */

/* The model: a list, searched from end to end. */
struct model {
	unsigned n;
	struct {
		struct prefix prefix;
		uint32_t nexthop;
	} routes[256];
};

static unsigned
model_find(const struct model *model, struct prefix prefix)
{
	for (unsigned i = 0; i < model->n; i++)
		if (model->routes[i].prefix.address == prefix.address &&
			model->routes[i].prefix.bits == prefix.bits)
			return i;
	return model->n;
}

static uint32_t
model_match(const struct model *model, uint32_t address)
{
	uint32_t nexthop = NEXTHOP_NONE;
	int best = -1;

	for (unsigned i = 0; i < model->n; i++)
		if (prefix_covers(model->routes[i].prefix, address) &&
			model->routes[i].prefix.bits > best) {
			best = model->routes[i].prefix.bits;
			nexthop = model->routes[i].nexthop;
		}
	return nexthop;
}

/* An address out of few and crowded neighborhoods: where the space begins and ends, around the
 * limits of /24s, in the gateway's own networks. */
static uint32_t
crowded_address(void)
{
	static const uint32_t bases[] = { 0, IP(10, 1, 2, 0), IP(10, 1, 3, 0), IP(127, 255, 255, 0),
		IP(128, 0, 0, 0), IP(192, 168, 50, 0), IP(255, 255, 255, 0) };

	switch (dice_below(4)) {
	case 0:
		return dice_below(8) << 29 | dice_below(2);
	case 1:
		return UINT32_MAX - dice_below(4);
	default:
		return bases[dice_below(ARRAY_LEN(bases))] + dice_below(256);
	}
}

static struct prefix
crowded_prefix(void)
{
	static const uint8_t lengths[] = { 8, 16, 23, 24, 25, 26, 31, 32 };
	/* Those that span much of the space take long to write. */
	uint8_t bits = (uint8_t)(dice_below(16) == 0 ? dice_below(4)
						     : lengths[dice_below(ARRAY_LEN(lengths))]);

	return (struct prefix) { crowded_address() & prefix_mask(bits), bits };
}

/* Makes a random change, and the same in the model. */
static struct route_change
random_change(struct gateway *gw, struct model *model)
{
	struct prefix prefix = crowded_prefix();
	unsigned place = model_find(model, prefix);
	bool full = model->n == ARRAY_LEN(model->routes);
	struct route_change change;

	if (full)
		prefix = model->routes[place = 0].prefix;
	if (full || (dice_below(2) == 0 && place < model->n)) {
		model->routes[place] = model->routes[--model->n];
		return fixture_delete(prefix);
	}
	/* Few next hops, so that a route and those around it often share one. */
	change = fixture_set(gw, prefix, fixture_via_tunnel((uint16_t)dice_below(FIXTURE_TUNNELS)));
	if (place == model->n)
		model->routes[model->n++].prefix = prefix;
	model->routes[place].nexthop = change.route.nexthop;
	return change;
}

static void
compare_with_model(const struct gateway *gw, const struct model *model)
{
	uint32_t addresses[64];
	uint64_t found[64];

	for (unsigned i = 0; i < 64; i++)
		addresses[i] = i < 32 ? crowded_address() : dice_below(UINT32_MAX);
	route_lookup(gw->routes, addresses, found, 64);
	for (unsigned i = 0; i < 64; i++) {
		const struct route *route = route_match(gw, ROUTE_TABLE_MAIN, addresses[i]);
		uint32_t expected = model_match(model, addresses[i]);

		assert_int_equal(found[i], expected);
		assert_int_equal(route != NULL ? route->nexthop : NEXTHOP_NONE, expected);
	}
}

static void
lookups_equal_a_naive_model(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct model *model = calloc(1, sizeof(*model));
	const struct route *route;
	uint32_t cursor = 0;

	assert_non_null(model);
	dice_seed(1);
	while ((route = route_next(gw, &cursor)) != NULL) {
		model->routes[model->n].prefix = route->prefix;
		model->routes[model->n++].nexthop = route->nexthop;
	}
	for (unsigned round = 0; round < 400; round++) {
		struct route_change changes[8];
		unsigned n = 1 + dice_below(ARRAY_LEN(changes));

		for (unsigned i = 0; i < n; i++)
			changes[i] = random_change(gw, model);
		assert_int_equal(route_apply(gw, changes, n), 0);
		assert_int_equal(route_count(gw), model->n);
		compare_with_model(gw, model);
	}
	free(model);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lookups_equal_a_naive_model),
	};

	return cmocka_run_group_tests(tests, fixture_start_dpdk, fixture_stop_dpdk);
}
