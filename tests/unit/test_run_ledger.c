/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include <linux/netlink.h>
#include <linux/xfrm.h>

#include "ledger.h"

/* What espalier-run remembers of its programs, and what it does where memory is out. */

static unsigned allocations_left = UINT32_MAX;

/* The linker puts these in place of the C library's (--wrap). */
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);

static bool
may_allocate(void)
{
	if (allocations_left == UINT32_MAX)
		return true;
	if (allocations_left == 0)
		return false;
	allocations_left--;
	return true;
}

void *
__wrap_malloc(size_t bytes)
{
	return may_allocate() ? __real_malloc(bytes) : NULL;
}

void *
__wrap_calloc(size_t n, size_t bytes)
{
	return may_allocate() ? __real_calloc(n, bytes) : NULL;
}

/* Tells the ledger of a request with that body, with so many allocations left. */
static void
note(struct ledger *ledger, uint16_t type, const void *body, size_t bytes, unsigned allocations)
{
	const struct netlink_message request = {
		.type = type,
		.body = { .at = body, .bytes = bytes },
	};

	allocations_left = allocations;
	ledger_note_done(ledger, &request);
	allocations_left = UINT32_MAX;
}

static void
add_sa(struct ledger *ledger, uint32_t spi_be, unsigned allocations)
{
	const struct xfrm_usersa_info info = {
		.id = { .daddr.a4 = 0x0100007f, .spi = spi_be, .proto = IPPROTO_ESP },
		.family = AF_INET,
	};

	note(ledger, XFRM_MSG_NEWSA, &info, sizeof(info), allocations);
}

static void
add_policy(struct ledger *ledger, uint8_t direction, unsigned allocations)
{
	const struct xfrm_userpolicy_info info = { .dir = direction };

	note(ledger, XFRM_MSG_NEWPOLICY, &info, sizeof(info), allocations);
}

static unsigned
count_sas(const struct ledger *ledger)
{
	const struct ledger_entry *entry = NULL;
	unsigned n = 0;

	while ((entry = ledger_next(ledger, entry)) != NULL)
		n++;
	return n;
}

static unsigned
count_policies(const struct ledger *ledger)
{
	const struct standing_policy *policy = NULL;
	unsigned n = 0;

	while ((policy = standing_next(&ledger->standing, policy)) != NULL)
		n++;
	return n;
}

/* An entry takes one allocation, the first two more for the table. */
static void
without_memory_one_is_not_remembered_and_that_is_all(void **state)
{
	struct ledger ledger = { 0 };

	(void)state;
	for (unsigned allocations = 0; allocations < 3; allocations++) {
		add_sa(&ledger, 1, allocations);
		add_policy(&ledger, XFRM_POLICY_OUT, allocations);
		assert_int_equal(count_sas(&ledger), 0);
		assert_int_equal(count_policies(&ledger), 0);
	}
	/* At some point the table would have to grow. */
	add_sa(&ledger, 1, 3);
	for (uint32_t spi = 2; count_sas(&ledger) == spi - 1; spi++)
		add_sa(&ledger, spi, 1);
	for (uint32_t spi = 1; spi <= 1000; spi++)
		add_sa(&ledger, spi, UINT32_MAX);
	add_policy(&ledger, XFRM_POLICY_OUT, 3);
	add_sa(&ledger, 1001, 0);
	add_policy(&ledger, XFRM_POLICY_IN, 0);
	assert_int_equal(count_sas(&ledger), 1000);
	assert_int_equal(count_policies(&ledger), 1);
	add_sa(&ledger, 500, 0); /* is there already, and needs nothing */
	add_sa(&ledger, 1001, UINT32_MAX);
	add_policy(&ledger, XFRM_POLICY_IN, UINT32_MAX);
	assert_int_equal(count_sas(&ledger), 1001);
	assert_int_equal(count_policies(&ledger), 2);
	ledger_clear(&ledger);
	assert_int_equal(count_sas(&ledger) + count_policies(&ledger), 0);
}

/* Its padding holds what the program's stack did, each time something else. */
static void
a_selector_is_what_is_in_its_fields(void **state)
{
	struct xfrm_userpolicy_info info = { .dir = XFRM_POLICY_OUT };
	struct xfrm_userpolicy_id id = { .dir = XFRM_POLICY_OUT };
	size_t padding = offsetof(struct xfrm_selector, proto) + sizeof(info.sel.proto);
	struct ledger ledger = { 0 };

	(void)state;
	memset((uint8_t *)&info.sel + padding, 1,
		offsetof(struct xfrm_selector, ifindex) - padding);
	memset((uint8_t *)&id.sel + padding, 2, offsetof(struct xfrm_selector, ifindex) - padding);
	note(&ledger, XFRM_MSG_NEWPOLICY, &info, sizeof(info), UINT32_MAX);
	assert_int_equal(count_policies(&ledger), 1);
	note(&ledger, XFRM_MSG_DELPOLICY, &id, sizeof(id), UINT32_MAX);
	assert_int_equal(count_policies(&ledger), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_selector_is_what_is_in_its_fields),
		cmocka_unit_test(without_memory_one_is_not_remembered_and_that_is_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
