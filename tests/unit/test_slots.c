/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dice.h"
#include "slots.h"

/* Objects by place, against an array that knows where each is. */

#define OBJECTS 500

struct object {
	bool there;
	uint32_t place;
};

static void
walk(const struct slots *slots, const struct object objects[])
{
	unsigned expected = 0, walked = 0;
	uint32_t cursor = 0;
	const struct object *found;

	for (unsigned i = 0; i < OBJECTS; i++)
		expected += objects[i].there;
	while ((found = slots_next(slots, &cursor)) != NULL) {
		assert_true(found->there);
		assert_int_equal(found->place, cursor - 1);
		walked++;
	}
	assert_int_equal(walked, expected);
	assert_int_equal(slots_count(slots), expected);
}

static void
each_keeps_its_place(void **state)
{
	static struct object objects[OBJECTS];
	struct slots slots = { 0 };

	(void)state;
	dice_seed(5);
	for (unsigned step = 0; step < 20000; step++) {
		struct object *object = &objects[dice_below(OBJECTS)];

		if (object->there) {
			slots_remove(&slots, object->place);
		} else {
			assert_int_equal(slots_reserve(&slots), 0);
			object->place = slots_put(&slots, object);
		}
		object->there = !object->there;
		if (step % 100 == 0)
			walk(&slots, objects);
	}
	walk(&slots, objects);
	slots_destroy(&slots);
	assert_int_equal(slots_count(&slots), 0);
}

/* A listing that was begun meets everything that stays, once. */
static void
a_walk_goes_on_where_it_stopped(void **state)
{
	static struct object objects[OBJECTS];
	struct slots slots = { 0 };
	uint32_t cursor = 0;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(slots_reserve(&slots), 0);
		assert_int_equal(slots_put(&slots, &objects[i]), i);
	}
	for (unsigned i = 0; i < 5; i++)
		assert_ptr_equal(slots_next(&slots, &cursor), &objects[i]);
	slots_remove(&slots, 2);
	slots_remove(&slots, 6);
	for (unsigned i = 10; i < OBJECTS; i++) {
		assert_int_equal(slots_reserve(&slots), 0);
		slots_put(&slots, &objects[i]);
	}
	for (unsigned i = 5; i < 10; i++)
		assert_ptr_equal(slots_next(&slots, &cursor), &objects[i == 6 ? 10 : i]);
	slots_destroy(&slots);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_keeps_its_place),
		cmocka_unit_test(a_walk_goes_on_where_it_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
