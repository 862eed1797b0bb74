/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "atlas.h"
#include "compiler.h"
#include "dice.h"
#include "latency.h"
#include "lengths.h"
#include "numbers.h"
#include "pace.h"

/* What espalier-gen reads and measures with, against slow models of the same. */

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Quantiles against the sorted list of all values, over nine powers of ten. */
static void
quantiles_are_right(void **state)
{
	enum { N = 20000 };
	static const double shares[] = { 0, 0.5, 0.9, 0.99, 0.999, 1 };
	static struct latency latency, half;
	static uint64_t values[N];

	(void)state;
	dice_seed(1);
	for (unsigned i = 0; i < N; i++) {
		values[i] = dice_word() >> (30 + dice_below(30));
		latency_add(i % 2 ? &latency : &half, values[i]);
	}
	latency_merge(&latency, &half);
	qsort(values, N, sizeof(values[0]), compare);
	assert_int_equal(latency.n, N);
	assert_int_equal(latency.min, values[0]);
	assert_int_equal(latency.max, values[N - 1]);
	for (unsigned i = 0; i < ARRAY_LEN(shares); i++) {
		unsigned place = (unsigned)(shares[i] * N);
		double right = (double)values[place < N ? place : N - 1];
		double got = (double)latency_quantile(&latency, shares[i]);

		assert_true(got >= right * (1 - 1.0 / 64) && got <= right * (1 + 1.0 / 64));
	}
}

static void
empty_has_no_quantile(void **state)
{
	static const struct latency latency;

	(void)state;
	assert_int_equal(latency_quantile(&latency, 0.5), 0);
}

/* Whenever it is asked, what was due so far is the rate times the time. */
static void
pace_keeps_the_rate(void **state)
{
	struct pace pace = { .per_cycle = 0.001 };
	uint64_t now = 1000, sent = 0;

	(void)state;
	dice_seed(2);
	for (unsigned i = 0; i < 100000; i++) {
		sent += pace_due(&pace, now, 32);
		double due = (double)(now - 1000) * 0.001 + 1;
		assert_true((double)(sent + pace.missed) <= due);
		/* What did not fit into a burst follows at the next turns. */
		assert_true((double)(sent + pace.missed) > due - 4 * 32 - 1);
		now += dice_below(20000);
	}
	assert_int_equal(pace.missed, 0);
}

/* What was late is not sent in one heap, but counted. */
static void
pace_counts_what_it_misses(void **state)
{
	struct pace pace = { .per_cycle = 0.001 };

	(void)state;
	assert_int_equal(pace_due(&pace, 1000, 32), 1);
	assert_int_equal(pace_due(&pace, 1000 + 1000000, 32), 32);
	assert_int_equal(pace.missed, 1000 - 32);
	assert_int_equal(pace_due(&pace, 1000 + 1000000, 32), 0);
}

/* In the time of a ramp, half of what the full rate would send. */
static void
pace_rises(void **state)
{
	struct pace pace = { .per_cycle = 0.001, .ramp = 1000000 };
	unsigned sent = 0, quarter = 0;

	(void)state;
	for (uint64_t now = 1; now < 1000000; now += 100) {
		sent += pace_due(&pace, now, 32);
		if (now < 500000)
			quarter = sent;
	}
	assert_in_range(sent, 499, 502);
	assert_in_range(quarter, 124, 127);
}

static void
lengths_are_as_told(void **state)
{
	struct lengths lengths;

	(void)state;
	assert_true(lengths_parse("imix", &lengths));
	assert_int_equal(lengths.low, 48);
	assert_int_equal(lengths.high, 1420);
	assert_true(lengths_mean(&lengths) > 338.3 && lengths_mean(&lengths) < 338.4);
	assert_true(lengths_parse("64-1420", &lengths));
	assert_int_equal(lengths_pick(&lengths, 0), 64);
	assert_int_equal(lengths_pick(&lengths, UINT32_MAX), 1420);
	assert_true(lengths_parse("100,200x2", &lengths));
	assert_int_equal(lengths.n, 3);
	assert_int_equal(lengths_pick(&lengths, UINT32_MAX), 200);
	static const char *const wrong[] = { "", "47", "9217", "64-", "-64", "64x0", "64x65", "64,",
		"1400-64", "64x40,65x40", "64 ", "imix,64" };
	for (unsigned i = 0; i < ARRAY_LEN(wrong); i++)
		assert_false(lengths_parse(wrong[i], &lengths));
}

/* The longest of all routes that cover an address, found by looking at every one. */
static const struct config_route *
look_at_all(const struct config *config, uint32_t address)
{
	const struct config_route *best = NULL;

	for (unsigned i = 0; i < config->n_routes; i++) {
		const struct config_route *route = &config->routes[i];

		if (prefix_covers(route->prefix, address) &&
			(best == NULL || route->prefix.bits > best->prefix.bits))
			best = route;
	}
	return best;
}

static void
atlas_equals_the_model(void **state)
{
	static struct config_route routes[500];
	struct config config = { .routes = routes };
	struct atlas atlas;

	(void)state;
	dice_seed(3);
	/* Nested ones, from few addresses; none twice, as in a file. */
	for (unsigned i = 0; i < ARRAY_LEN(routes); i++) {
		struct config_route *route = &routes[config.n_routes];
		bool known = false;

		route->prefix.bits = (uint8_t)dice_below(33);
		route->prefix.address =
			((uint32_t)dice_word() & 0xe00f0003) & prefix_mask(route->prefix.bits);
		for (unsigned j = 0; j < config.n_routes; j++)
			known |= routes[j].prefix.bits == route->prefix.bits &&
				routes[j].prefix.address == route->prefix.address;
		config.n_routes += !known;
	}
	assert_int_equal(atlas_create(&atlas, &config), 0);
	for (unsigned i = 0; i < 100000; i++) {
		uint32_t address = (uint32_t)dice_word() & (i % 2 ? 0xe00f0003 : UINT32_MAX);
		const struct place *place = atlas_find(&atlas, address);

		assert_ptr_equal(
			place != NULL ? place->route : NULL, look_at_all(&config, address));
	}
	atlas_destroy(&atlas);
}

/* Every digit counts: a sequence number that is one off is used twice. */
static void
numbers_are_read_to_the_last_digit(void **state)
{
	static const struct {
		const char *text;
		uint64_t number;
	} good[] = { { "0", 0 }, { "9007199254740993", 9007199254740993 },
		{ "9223372036854775806", 9223372036854775806 },
		{ "9223372036854775807", INT64_MAX }, { "9007199254740993k", 9007199254740993000 },
		{ "1.5k", 1500 }, { "1e6", 1000000 }, { "2M", 2000000 }, { "0.5G", 500000000 } };
	static const char *const bad[] = { "9223372036854775808", "18446744073709551616",
		"9223372036854775807k", "1e30", "0.1", "-1", "+1", " 1", "0x10", "1q", "1kk", "k",
		"", "nan", "inf", "1.0000001k" };
	uint64_t number;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(number_read("--sequence", good[i].text, 0, INT64_MAX, &number));
		assert_true(number == good[i].number);
	}
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(number_read("--sequence", bad[i], 0, INT64_MAX, &number));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_are_right),
		cmocka_unit_test(empty_has_no_quantile),
		cmocka_unit_test(pace_keeps_the_rate),
		cmocka_unit_test(pace_counts_what_it_misses),
		cmocka_unit_test(pace_rises),
		cmocka_unit_test(lengths_are_as_told),
		cmocka_unit_test(atlas_equals_the_model),
		cmocka_unit_test(numbers_are_read_to_the_last_digit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
