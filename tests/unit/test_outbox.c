/* SPDX-License-Identifier: BSD-3-Clause */

/* An outbox gives back what was put in, in order, and has an end. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outbox.h"

static void
outbox_is_bounded(void **state)
{
	struct outbox outbox = { 0 };
	uint8_t datagram[30000] = { 0 };
	unsigned put = 0;
	size_t bytes;

	(void)state;
	for (; outbox_put(&outbox, datagram, sizeof(datagram) - put) == 0; put++)
		datagram[0]++;
	assert_in_range(put, 30, 40);
	for (unsigned i = 0; i < put; i++) {
		assert_int_equal(outbox_peek(&outbox, &bytes)[0], i);
		assert_int_equal(bytes, sizeof(datagram) - i);
		outbox_pop(&outbox);
	}
	assert_true(outbox_empty(&outbox));
	assert_int_equal(outbox.bytes, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outbox_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
