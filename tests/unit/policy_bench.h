/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "flow.h"
#include "hold.h"
#include "policy.h"
#include "punt.h"
#include "xfrm_bench.h"

/* Policies for the tests of family XFRM, as charon 5.9.8, pluto 4.10 and iproute2 6.1 say them. The
 * third tunnel of the small gateway has neither selectors nor SAs. */

#define TUNNEL 2
#define IF_ID 3
#define PRIORITY 371327

/* Inner networks: ours and theirs, and an address of each. */
#define OURS IP(10, 1, 0, 0)
#define THEIRS IP(172, 16, 5, 0)
#define OUR_HOST IP(10, 1, 2, 3)
#define THEIR_HOST IP(172, 16, 5, 9)
#define STRANGER IP(10, 9, 9, 9)

static inline struct xfrm_userpolicy_info
policy_info(uint8_t direction)
{
	bool out = direction == XFRM_POLICY_OUT;

	return (struct xfrm_userpolicy_info) {
		.sel = { .saddr.a4 = htonl(out ? OURS : THEIRS),
			.prefixlen_s = out ? 16 : 24,
			.daddr.a4 = htonl(out ? THEIRS : OURS),
			.prefixlen_d = out ? 24 : 16,
			.family = AF_INET },
		.lft = no_limits,
		.priority = PRIORITY,
		.dir = direction,
		.action = XFRM_POLICY_ALLOW,
		.share = XFRM_SHARE_ANY,
	};
}

static inline struct xfrm_user_tmpl
policy_template(uint8_t direction, uint32_t spi)
{
	bool out = direction == XFRM_POLICY_OUT;

	return (struct xfrm_user_tmpl) {
		.id = { .daddr.a4 = htonl(out ? REMOTE(TUNNEL) : LOCAL),
			.spi = htonl(spi),
			.proto = IPPROTO_ESP },
		.family = AF_INET,
		.saddr.a4 = htonl(out ? LOCAL : REMOTE(TUNNEL)),
		.reqid = REQID,
		.mode = XFRM_MODE_TUNNEL,
		.aalgos = UINT32_MAX,
		.ealgos = UINT32_MAX,
		.calgos = UINT32_MAX,
	};
}

/* A message of that policy; the if_id and others may follow. `template` may be NULL. */
static inline void
begin_policy(uint16_t type, const struct xfrm_userpolicy_info *info,
	const struct xfrm_user_tmpl *template)
{
	begin(type, NLM_F_ACK);
	put(info, sizeof(*info));
	if (template != NULL)
		put_attribute(XFRMA_TMPL, template, sizeof(*template));
}

/* What charon says of one direction. */
static inline int
say_policy(uint16_t type, uint8_t direction, uint32_t spi)
{
	struct xfrm_userpolicy_info info = policy_info(direction);
	struct xfrm_user_tmpl template = policy_template(direction, spi);

	begin_policy(type, &info, &template);
	put_if_id(IF_ID);
	return send_off();
}

/* All three, as for a trap: no SPI yet. */
static inline void
install_policies(void)
{
	assert_int_equal(say_policy(XFRM_MSG_NEWPOLICY, XFRM_POLICY_IN, 0), 0);
	assert_int_equal(say_policy(XFRM_MSG_NEWPOLICY, XFRM_POLICY_FWD, 0), 0);
	assert_int_equal(say_policy(XFRM_MSG_NEWPOLICY, XFRM_POLICY_OUT, 0), 0);
}

static inline void
begin_policy_id(uint16_t type, uint8_t direction, uint32_t index)
{
	struct xfrm_userpolicy_id id = { .dir = direction, .index = index };

	if (index == 0)
		id.sel = policy_info(direction).sel;
	begin(type, NLM_F_ACK);
	put(&id, sizeof(id));
	if (index == 0)
		put_if_id(IF_ID);
}

/* GETPOLICY or DELPOLICY, by index or else by selector. */
static inline int
ask_policy(uint16_t type, uint8_t direction, uint32_t index)
{
	begin_policy_id(type, direction, index);
	return send_off();
}

static inline struct xfrm_userpolicy_info
get_policy(uint8_t direction)
{
	struct xfrm_userpolicy_info info;

	assert_int_equal(ask_policy(XFRM_MSG_GETPOLICY, direction, 0), 0);
	assert_int_equal(answer.n, 1);
	assert_int_equal(answer.message.type, XFRM_MSG_NEWPOLICY);
	read_answer(&info, sizeof(info), 0);
	return info;
}

static inline unsigned
list_policies(void)
{
	begin(XFRM_MSG_GETPOLICY, NLM_F_DUMP);
	assert_int_equal(send_off(), 0);
	return answer.n;
}

/* As workers judge. */
static inline bool
may_leave(struct packet_flow flow)
{
	return selector_match_flow(gateway_encap(gw, TUNNEL)->selectors, &flow);
}

static inline bool
may_come(struct packet_flow flow)
{
	return selector_match_flow(gateway_inbound_selectors(gw, TUNNEL), &flow);
}

static const struct packet_flow ordinary = { .local = OUR_HOST,
	.remote = THEIR_HOST,
	.local_port = 40000,
	.remote_port = 443,
	.protocol = IPPROTO_TCP };
static const struct packet_flow foreign = { .local = STRANGER,
	.remote = THEIR_HOST,
	.local_port = 40000,
	.remote_port = 443,
	.protocol = IPPROTO_TCP };

static inline int
say_selector(
	uint8_t direction, const struct xfrm_selector *selector, uint32_t priority, uint8_t action)
{
	struct xfrm_userpolicy_info info = policy_info(direction);
	struct xfrm_user_tmpl template = policy_template(direction, 0);

	info.sel = *selector;
	info.priority = priority;
	info.action = action;
	begin_policy(XFRM_MSG_NEWPOLICY, &info, &template);
	put_if_id(IF_ID);
	return send_off();
}
