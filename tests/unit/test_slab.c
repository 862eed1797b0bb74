/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include <rte_malloc.h>

#include "dice.h"
#include "slab.h"

/* Objects that come and go, each full of a byte of its own, so that one that is not where it should
 * be, or not clean, shows. */

#define OBJECTS 3000
#define CACHE_SETS 64 /* of a first-level cache */

struct object {
	uint8_t *bytes; /* NULL: there is none */
	size_t n;
	uint8_t fill;
};

static struct rte_malloc_socket_stats
heap(void)
{
	struct rte_malloc_socket_stats stats;

	assert_int_equal(rte_malloc_get_socket_stats((int)rte_socket_id(), &stats), 0);
	return stats;
}

static void
assert_all(const uint8_t *bytes, size_t n, uint8_t value)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(bytes[i], value);
}

static void
come(struct slab *slab, struct object *object, size_t n)
{
	object->bytes = slab_alloc(slab, n);
	object->n = n;
	object->fill = (uint8_t)(1 + dice_below(255));
	assert_non_null(object->bytes);
	assert_int_equal((uintptr_t)object->bytes % CACHE_LINE_BYTES, 0);
	assert_all(object->bytes, n, 0);
	memset(object->bytes, object->fill, n);
}

static void
go(struct object *object)
{
	assert_all(object->bytes, object->n, object->fill);
	slab_free(object->bytes);
	object->bytes = NULL;
}

/* Of the sizes of what there is in numbers, and of some that need a piece of their own. */
static size_t
any_size(void)
{
	static const size_t largest[] = { 64, 128, 2048, 2048, 16192, 16193, 200000 };
	size_t most = largest[dice_below(dice_below(50) == 0 ? ARRAY_LEN(largest) : 4)];

	return 1 + dice_below((uint32_t)most);
}

static void
each_has_its_own(void **state)
{
	static struct object objects[OBJECTS];
	unsigned allocations = heap().alloc_count;
	struct slab *slab = slab_create();

	(void)state;
	assert_non_null(slab);
	dice_seed(7);
	for (unsigned step = 0; step < 100000; step++) {
		struct object *object = &objects[dice_below(OBJECTS)];

		if (object->bytes != NULL)
			go(object);
		else
			come(slab, object, any_size());
	}
	for (unsigned i = 0; i < OBJECTS; i++)
		if (objects[i].bytes != NULL)
			go(&objects[i]);
	slab_free(NULL);
	assert_int_equal(slab_count(slab), 0);
	slab_destroy(slab);
	slab_destroy(NULL);
	assert_int_equal(heap().alloc_count, allocations);
}

/* Little is lost to rounding and to the ends of pieces, and nothing by gaps that nobody can use. */
static void
memory_is_used(void **state)
{
	static const size_t sizes[] = { 64, 128, 832, 1300, 2500, 4700, 10000, 16000 };
	static struct object objects[OBJECTS];

	(void)state;
	for (unsigned k = 0; k < ARRAY_LEN(sizes); k++) {
		size_t before = heap().heap_allocsz_bytes, gaps = heap().free_count;
		struct slab *slab = slab_create();

		assert_non_null(slab);
		for (unsigned i = 0; i < OBJECTS; i++)
			come(slab, &objects[i], sizes[k]);
		assert_in_range(heap().heap_allocsz_bytes - before, OBJECTS * sizes[k],
			65536 + OBJECTS * sizes[k] * 112 / 100);
		assert_in_range(heap().free_count, 0, gaps + 1);
		for (unsigned i = 0; i < OBJECTS; i++)
			go(&objects[i]);
		slab_destroy(slab);
	}
}

/* What is freed serves the next of its size, and what nobody needs goes back for other sizes. */
static void
memory_is_given_back(void **state)
{
	static struct object objects[OBJECTS];
	size_t before = heap().heap_allocsz_bytes;
	struct slab *slab = slab_create();
	const uint8_t *place;
	size_t full;

	(void)state;
	assert_non_null(slab);
	for (unsigned i = 0; i < OBJECTS; i++)
		come(slab, &objects[i], 1300);
	assert_int_equal(slab_count(slab), OBJECTS);
	full = heap().heap_allocsz_bytes - before;
	/* In cache lines, an odd number of them, and little beside. */
	assert_in_range(full, (size_t)OBJECTS * 21 * 64, (size_t)OBJECTS * 21 * 64 * 103 / 100);
	for (unsigned i = 0; i < OBJECTS; i += 2)
		go(&objects[i]);
	for (unsigned i = 0; i < OBJECTS; i += 2)
		come(slab, &objects[i], 1290);
	assert_int_equal(heap().heap_allocsz_bytes - before, full);

	place = objects[7].bytes;
	go(&objects[7]);
	come(slab, &objects[7], 1300);
	assert_ptr_equal(objects[7].bytes, place);

	for (unsigned i = 1; i < OBJECTS; i++)
		go(&objects[i]);
	assert_in_range(heap().heap_allocsz_bytes - before, 1300, 2 * 65536);
	/* What was not freed is there for the heap's accounts. */
	slab_destroy(slab);
	assert_in_range(heap().heap_allocsz_bytes - before, 1300, 65536);
	assert_all(objects[0].bytes, objects[0].n, objects[0].fill);
}

/* Without memory it says so, and goes on when there is some again. */
static void
it_says_when_there_is_none(void **state)
{
	struct slab *slab = slab_create();
	size_t spare = 512 << 20;
	void *rest, *object;

	(void)state;
	assert_non_null(slab);
	while ((rest = rte_malloc("rest", spare, 0)) == NULL)
		spare -= 65536;
	object = slab_alloc(slab, 300);
	while (object != NULL)
		object = slab_alloc(slab, 300);
	assert_null(slab_alloc(slab, SIZE_MAX));
	assert_null(slab_alloc(slab, 1 << 20));
	rte_free(rest);
	object = slab_alloc(slab, 300);
	assert_non_null(object);
	slab_free(object);
	slab_destroy(slab);
}

/* The same field of objects that lie side by side is in all sets of a first-level cache alike. */
static void
fields_do_not_compete(void **state)
{
	unsigned in_set[CACHE_SETS] = { 0 };
	struct slab *slab = slab_create();

	(void)state;
	assert_non_null(slab);
	for (unsigned i = 0; i < 10 * CACHE_SETS; i++) {
		unsigned *n = &in_set[(uintptr_t)slab_alloc(slab, 20 * CACHE_LINE_BYTES) /
			CACHE_LINE_BYTES % CACHE_SETS];

		/* In one piece of memory, then in many. */
		assert_in_range(++*n, 1, i < CACHE_SETS / 2 ? 1 : 15);
	}
	for (unsigned set = 0; set < CACHE_SETS; set++)
		assert_in_range(in_set[set], 5, 15);
	slab_destroy(slab);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_its_own),
		cmocka_unit_test(memory_is_used),
		cmocka_unit_test(memory_is_given_back),
		cmocka_unit_test(it_says_when_there_is_none),
		cmocka_unit_test(fields_do_not_compete),
	};

	return cmocka_run_group_tests(tests, fixture_start_dpdk, fixture_stop_dpdk);
}
