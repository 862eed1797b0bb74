/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include <rte_malloc.h>

#include "dice.h"
#include "publish.h"
#include "slab.h"

/* Security associations: found by workers while control changes them, and wiped. */

/* Bytes that are not zero, of memory that may have been freed: it is still the process's. */
__attribute__((no_sanitize("address"))) static unsigned
count_set(const uint8_t *bytes, size_t n)
{
	unsigned set = 0;

	for (size_t i = 0; i < n; i++)
		set += bytes[i] != 0;
	return set;
}

static void
inbound_ones_are_found_by_spi_and_destination(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct sa_spec first = fixture_sa(fixture, SA_IN, 0, 0x2001);
	struct sa_spec other_address = first, outbound = fixture_sa(fixture, SA_OUT, 1, 0x2003);
	struct sa *sa;

	other_address.destination = IP(198, 51, 100, 213);
	fixture_add(fixture, &first);
	fixture_add(fixture, &other_address);
	fixture_add(fixture, &outbound);
	sa = fixture_sa_lookup(gw, 0x2001, first.destination);
	assert_non_null(sa);
	assert_ptr_equal(sa, sa_find(gw, SA_IN, 0x2001, first.destination));
	assert_int_equal(sa->spi, 0x2001);
	assert_int_equal(sa->destination, first.destination);
	assert_ptr_not_equal(fixture_sa_lookup(gw, 0x2001, other_address.destination), sa);
	assert_null(fixture_sa_lookup(gw, 0x2002, first.destination));
	assert_null(fixture_sa_lookup(gw, 0x2003, outbound.destination));
	assert_null(fixture_sa_lookup(gw, 0, 0));
	assert_non_null(sa_find(gw, SA_OUT, 0x2003, outbound.destination));
}

static void
the_same_spi_serves_both_directions(void **state)
{
	struct fixture *fixture = *state;
	struct sa_spec in = fixture_sa(fixture, SA_IN, 0, 0x2001);
	struct sa_spec out = in;

	out.direction = SA_OUT;
	fixture_add(fixture, &in);
	fixture_add(fixture, &out);
	assert_int_equal(sa_add(fixture->gw, fixture->crypto, &in), -EEXIST);
	assert_int_equal(sa_add(fixture->gw, fixture->crypto, &out), -EEXIST);
	assert_int_equal(sa_delete(fixture->gw, SA_OUT, 0x2001, out.destination), 0);
	assert_int_equal(sa_delete(fixture->gw, SA_OUT, 0x2001, out.destination), -ESRCH);
	assert_non_null(fixture_sa_lookup(fixture->gw, 0x2001, in.destination));
}

static void
specs_that_make_no_sense_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct sa_spec good = fixture_sa(fixture, SA_IN, 0, 0x2001);
	struct sa_spec wrong[9];

	for (unsigned i = 0; i < ARRAY_LEN(wrong); i++)
		wrong[i] = good;
	wrong[0].spi = 0;
	wrong[1].tunnel = FIXTURE_TUNNELS;
	wrong[2].replay.window = REPLAY_WINDOW_MIN - 1;
	wrong[3].replay.window = REPLAY_WINDOW_MAX + 1;
	wrong[4].sequence = (uint64_t)UINT32_MAX + 1; /* without ESN */
	wrong[5].encap_sport = 4500;                  /* without the other */
	wrong[6].suite.encryption = NULL;
	wrong[7].suite.authentication = NULL; /* CBC alone */
	wrong[8].replay.top = (uint64_t)UINT32_MAX + 1;
	for (unsigned i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(sa_add(fixture->gw, fixture->crypto, &wrong[i]), -EINVAL);
	fixture_add(fixture, &good);
}

static void
one_that_was_deleted_can_come_again(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct sa_spec spec = fixture_sa(fixture, SA_IN, 0, 0x2001);

	/* Often enough for the index to be replaced on the way. */
	for (unsigned round = 0; round < 3000; round++) {
		spec.spi = 0x2001 + round % 1000;
		fixture_add(fixture, &spec);
		assert_int_equal(fixture_sa_lookup(gw, spec.spi, spec.destination)->spi, spec.spi);
		assert_int_equal(sa_delete(gw, SA_IN, spec.spi, spec.destination), 0);
		assert_null(fixture_sa_lookup(gw, spec.spi, spec.destination));
		publish_flush(gw->publisher);
	}
}

/* Random SPIs, so that many want the same place of the index. */
static void
taking_some_away_hides_no_other(void **state)
{
	enum { N = 400 };
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct sa_spec spec = fixture_sa(fixture, SA_IN, 0, 0);
	uint32_t spis[N];

	dice_seed(3);
	for (unsigned i = 0; i < N; i++) {
		spec.spi = spis[i] = 1 + dice_below(UINT32_MAX - 1);
		fixture_add(fixture, &spec);
	}
	for (unsigned i = 0; i < N; i += 2) {
		assert_int_equal(sa_delete(gw, SA_IN, spis[i], spec.destination), 0);
		for (unsigned j = 0; j < N; j++)
			assert_int_equal(fixture_sa_lookup(gw, spis[j], spec.destination) == NULL,
				j <= i && j % 2 == 0);
	}
}

static void
ten_thousand_leave_no_trace(void **state)
{
	enum { N = 10000 };
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct sa_spec spec = fixture_sa(fixture, SA_IN, 0, 1);
	struct rte_malloc_socket_stats before, after;
	size_t objects = slab_count(gw->slab);

	/* The index stays as large as it had to be: make it so before counting. */
	for (unsigned turn = 0; turn < 2; turn++) {
		uint32_t cursor = 0;
		unsigned walked = 0;

		rte_malloc_get_socket_stats(0, turn == 0 ? &after : &before);
		for (uint32_t spi = 1; spi <= N; spi++) {
			spec.spi = spi << 12;
			fixture_add(fixture, &spec);
		}
		for (uint32_t base = 1; base <= N; base += 100) {
			uint32_t spis[100], destinations[100];
			struct sa *found[100];

			for (unsigned i = 0; i < 100; i++) {
				spis[i] = (base + i) << 12;
				destinations[i] = spec.destination;
			}
			sa_lookup(gw->sas, spis, destinations, found, 100);
			for (unsigned i = 0; i < 100; i++)
				assert_int_equal(found[i]->spi, spis[i]);
		}
		while (sa_next(gw, &cursor) != NULL)
			walked++;
		assert_int_equal(walked, N);
		for (uint32_t spi = 1; spi <= N; spi++)
			assert_int_equal(sa_delete(gw, SA_IN, spi << 12, spec.destination), 0);
		publish_flush(gw->publisher);
	}
	assert_int_equal(slab_count(gw->slab), objects);
	rte_malloc_get_socket_stats(0, &after);
	assert_int_equal(after.alloc_count, before.alloc_count);
	assert_int_equal(after.heap_allocsz_bytes, before.heap_allocsz_bytes);
}

static void
keys_are_wiped_when_the_grace_period_is_over(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct sa_spec spec = fixture_sa(fixture, SA_OUT, 0, 0x1001);
	size_t bytes = crypto_key_size(spec.suite);
	const void *key;

	fixture_add(fixture, &spec);
	key = sa_find(gw, SA_OUT, 0x1001, spec.destination)->key;
	assert_int_equal(sa_delete(gw, SA_OUT, 0x1001, spec.destination), 0);
	/* A worker may be using it. */
	assert_true(count_set(key, bytes) > 100);
	publish_flush(gw->publisher);
	assert_int_equal(count_set(key, bytes), 0);

	/* So it is at the end of the gateway. */
	fixture_add(fixture, &spec);
	key = sa_find(gw, SA_OUT, 0x1001, spec.destination)->key;
	gateway_destroy(gw);
	assert_int_equal(count_set(key, bytes), 0);
	fixture_make_gateway(fixture);
}

/* A worker that looks up SAs that come and go. */
struct reader {
	struct gateway *gw;
	pthread_t thread;
	uint32_t destination;
	_Atomic bool stop;
	uint64_t hits, wrong, missed;
};

#define READER_SPIS 16 /* odd ones stay, even ones come and go */

static void *
read_sas(void *context)
{
	struct reader *reader = context;
	uint32_t spis[READER_SPIS], destinations[READER_SPIS];
	cpu_set_t anywhere;

	memset(&anywhere, 0xff, sizeof(anywhere));
	pthread_setaffinity_np(pthread_self(), sizeof(anywhere), &anywhere);
	for (unsigned i = 0; i < READER_SPIS; i++) {
		spis[i] = 0x3000 + i;
		destinations[i] = reader->destination;
	}
	rcu_online(reader->gw->rcu, 0);
	while (!atomic_load(&reader->stop)) {
		struct sa *found[READER_SPIS];

		sa_lookup(reader->gw->sas, spis, destinations, found, READER_SPIS);
		for (unsigned i = 0; i < READER_SPIS; i++) {
			reader->missed += found[i] == NULL && i % 2 == 1;
			if (found[i] == NULL)
				continue;
			reader->hits++;
			/* Freed memory is cleared. */
			reader->wrong +=
				found[i]->spi != spis[i] || found[i]->key->suite.encryption == NULL;
		}
		rcu_quiescent(reader->gw->rcu, 0);
	}
	rcu_offline(reader->gw->rcu, 0);
	return NULL;
}

static void
workers_read_while_control_writes(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct sa_spec spec = fixture_sa(fixture, SA_IN, 0, 0);
	struct reader reader = { .gw = gw, .destination = spec.destination };

	for (unsigned i = 0; i < READER_SPIS; i++) {
		spec.spi = 0x3000 + i;
		fixture_add(fixture, &spec);
	}
	assert_int_equal(pthread_create(&reader.thread, NULL, read_sas, &reader), 0);
	for (unsigned round = 0; round < 20000; round++) {
		/* Others come too, so that the index is replaced again and again. */
		spec.spi = 0x3000 + 2 * (round % (READER_SPIS / 2));
		assert_int_equal(sa_delete(gw, SA_IN, spec.spi, spec.destination), 0);
		fixture_add(fixture, &spec);
		spec.spi = 0x10000 + round;
		fixture_add(fixture, &spec);
		assert_int_equal(sa_delete(gw, SA_IN, spec.spi, spec.destination), 0);
		if (round % 64 == 63)
			publish_flush(gw->publisher);
	}
	atomic_store(&reader.stop, true);
	pthread_join(reader.thread, NULL);
	assert_true(reader.hits > 0);
	assert_int_equal(reader.wrong, 0);
	assert_int_equal(reader.missed, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(inbound_ones_are_found_by_spi_and_destination),
		TEST(the_same_spi_serves_both_directions),
		TEST(specs_that_make_no_sense_are_refused),
		TEST(one_that_was_deleted_can_come_again),
		TEST(taking_some_away_hides_no_other),
		TEST(ten_thousand_leave_no_trace),
		TEST(keys_are_wiped_when_the_grace_period_is_over),
		TEST(workers_read_while_control_writes),
	};

	return cmocka_run_group_tests(tests, fixture_start_dpdk, fixture_stop_dpdk);
}
