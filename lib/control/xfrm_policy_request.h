/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "policy.h"
#include "xfrm_internal.h"
#include "xfrm_policies.h"

/* A NEWPOLICY or UPDPOLICY, read and checked. */
struct xfrm_policy_request {
	struct xfrm_userpolicy_info info;
	uint32_t if_id; /* 0: none given */
	bool has_template;
	struct xfrm_user_tmpl template;
};

/* All that can be said against it without looking at the tables. 0, or -EINVAL or -EOPNOTSUPP in
 * words. */
int xfrm_policy_read(
	struct netlink_span body, struct xfrm_policy_request *request, struct netlink_refusal *why);

/*
 * What the tables are to make of it. `old` is the policy that it takes the place of, or NULL. 1,
 * and `spec` is whole but for its origin; 0: it names no tunnel and has no effect; or -errno in
 * words.
 */
int xfrm_policy_plan(struct xfrm *xfrm, const struct xfrm_policy_request *request,
	const struct xfrm_policy *old, struct policy_spec *spec, struct netlink_refusal *why);

/* Attributes of any message about policies: marks and such that are not supported. */
int xfrm_policy_check(
	const struct netlink_attribute found[XFRM_ATTRIBUTES], struct netlink_refusal *why);
/* A direction that has policies. */
int xfrm_policy_check_direction(uint8_t direction, struct netlink_refusal *why);
