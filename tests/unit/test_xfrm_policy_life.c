/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy_bench.h"

#include <time.h>

#include "xfrm_policy.h"

/* Policies that end by themselves, as by xfrm_policy_timer() of the kernel. */

static uint64_t start;

static int
setup(void **state)
{
	bench_setup(state);
	start = (uint64_t)time(NULL);
	return 0;
}

static void
install(struct xfrm_lifetime_cfg limits)
{
	struct xfrm_userpolicy_info info = policy_info(XFRM_POLICY_IN);
	struct xfrm_user_tmpl template = policy_template(XFRM_POLICY_IN, 0);

	info.lft = limits;
	begin_policy(XFRM_MSG_UPDPOLICY, &info, &template);
	put_if_id(IF_ID);
	assert_int_equal(send_off(), 0);
}

/* What is told some seconds after the start: -1 nothing, 0 a soft end, 1 a hard one. */
static int
told(uint64_t after)
{
	struct xfrm_user_polexpire expire;

	xfrm_policy_tick(context.xfrm, start + after);
	if (hear() == 0)
		return -1;
	assert_int_equal(answer.message.type, XFRM_MSG_POLEXPIRE);
	assert_int_equal(read_answer(&expire, sizeof(expire), XFRMA_TMPL).bytes,
		sizeof(struct xfrm_user_tmpl));
	assert_int_equal(expire.pol.priority, PRIORITY);
	assert_int_equal(hear(), 0);
	return expire.hard;
}

static void
soft_is_told_again_and_hard_takes_away(void **state)
{
	(void)state;
	install((struct xfrm_lifetime_cfg) {
		.soft_add_expires_seconds = 100, .hard_add_expires_seconds = 200 });
	assert_non_null(gateway_inbound_selectors(gw, TUNNEL));
	assert_int_equal(told(99), -1);
	assert_int_equal(told(102), 0);
	assert_int_equal(told(103), -1);
	assert_int_equal(told(131), -1);
	assert_int_equal(told(133), 0);
	assert_int_equal(list_policies(), 1);
	assert_int_equal(told(202), 1);
	assert_int_equal(list_policies(), 0);
	assert_null(gateway_inbound_selectors(gw, TUNNEL));
	assert_int_equal(told(300), -1);
}

/* Said anew, its life begins anew; without limits it never ends. */
static void
an_update_prolongs(void **state)
{
	(void)state;
	install((struct xfrm_lifetime_cfg) { .hard_add_expires_seconds = 50 });
	install((struct xfrm_lifetime_cfg) { .hard_add_expires_seconds = 500 });
	assert_int_equal(told(60), -1);
	install(no_limits);
	assert_int_equal(told(1000), -1);
	assert_int_equal(list_policies(), 1);
	assert_int_equal(ask_policy(XFRM_MSG_DELPOLICY, XFRM_POLICY_IN, 0), 0);
	assert_int_equal(told(1001), -1);
}

/* Seconds of use run from the last packet, and from the beginning while there was none. */
static void
use_prolongs(void **state)
{
	(void)state;
	add_sa(SA_IN, TUNNEL, 0x900);
	struct sa *sa = find_sa(SA_IN, TUNNEL, 0x900);
	assert_true(hear() > 0); /* of the SA */
	install((struct xfrm_lifetime_cfg) {
		.soft_use_expires_seconds = 100, .hard_use_expires_seconds = 150 });
	sa->packets_in++;
	policy_note_use(gw, start + 90);
	assert_int_equal(told(120), -1);
	assert_int_equal(told(192), 0);
	sa->packets_in++;
	policy_note_use(gw, start + 230);
	assert_int_equal(told(250), -1);
	assert_int_equal(told(381), 1);
	install((struct xfrm_lifetime_cfg) { .hard_use_expires_seconds = 10 });
	assert_int_equal(told(400), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, bench_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(soft_is_told_again_and_hard_takes_away),
		TEST(an_update_prolongs),
		TEST(use_prolongs),
	};

	return cmocka_run_group_tests(tests, bench_start, bench_stop);
}
