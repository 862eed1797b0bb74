/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "policy.h"
#include "xfrm_message.h"
#include "xfrm_policy.h"
#include "xfrm_policy_message.h"

/* Policies that end: by their lifetimes, as by the kernel's timers, or because a client says so. */

/* How often the kernel tells of a soft end that nobody does anything about: XFRM_KM_TIMEOUT. */
#define WARN_AGAIN_SECONDS 30

enum expiry { SOFT, HARD };

/* Tells group EXPIRE; with HARD, the policy is gone afterwards. */
static void
end(struct xfrm *xfrm, const struct netlink_message *request, struct xfrm_policy *policy,
	enum expiry how)
{
	struct netlink_writer writer = xfrm_writer(xfrm);
	struct xfrm_user_polexpire expire;

	memset(&expire, 0, sizeof(expire)); /* its padding is sent as well */
	expire.pol = xfrm_policy_message_info(xfrm, policy);
	expire.hard = how == HARD;
	xfrm_message_begin(&writer, XFRM_MSG_POLEXPIRE, 0, request);
	netlink_put(&writer, &expire, sizeof(expire));
	xfrm_policy_message_details(&writer, policy);
	if (how == HARD)
		xfrm_policy_take_away(xfrm, policy);
	xfrm_event(xfrm, XFRMNLGRP_EXPIRE, &writer);
}

static bool
over(uint64_t limit, uint64_t since, uint64_t wall)
{
	return limit != 0 && wall >= since && wall - since >= limit;
}

/* As xfrm_policy_timer(): seconds of use are seconds without use, or since it was added where it
 * never was. */
static void
look(struct xfrm *xfrm, struct xfrm_policy *policy, uint64_t wall)
{
	const struct xfrm_userpolicy_info info = xfrm_policy_message_info(xfrm, policy);
	const struct xfrm_lifetime_cfg *life = &info.lft;
	uint64_t added = info.curlft.add_time;
	uint64_t used = info.curlft.use_time != 0 ? info.curlft.use_time : added;

	if (over(life->hard_add_expires_seconds, added, wall) ||
		over(life->hard_use_expires_seconds, used, wall)) {
		end(xfrm, NULL, policy, HARD);
		return;
	}
	if ((over(life->soft_add_expires_seconds, added, wall) ||
		    over(life->soft_use_expires_seconds, used, wall)) &&
		wall - policy->warned_at >= WARN_AGAIN_SECONDS) {
		policy->warned_at = wall;
		end(xfrm, NULL, policy, SOFT);
	}
}

void
xfrm_policy_tick(struct xfrm *xfrm, uint64_t wall)
{
	struct xfrm_policy *policy, *next;

	if (wall == xfrm->policies_seen_at)
		return;
	xfrm->policies_seen_at = wall;
	for (policy = xfrm_policy_next_mortal(xfrm->policies, NULL); policy != NULL;
		policy = next) {
		next = xfrm_policy_next_mortal(xfrm->policies, policy);
		look(xfrm, policy, wall);
	}
}

/* A client says that a policy has come to its end: everybody hears of it, and a hard end takes it
 * away. */
XFRM_HANDLER(xfrm_policy_expire)
{
	struct xfrm *xfrm = session->context->xfrm;
	struct xfrm_user_polexpire expire = { 0 };
	struct netlink_span body = request->body;
	int error;

	netlink_take(&body, &expire, sizeof(expire));
	struct xfrm_userpolicy_id id = { expire.pol.sel, expire.pol.index, expire.pol.dir };
	struct xfrm_policy *policy = xfrm_policy_named(xfrm, &id, body, &error, why);
	if (policy == NULL)
		return error;
	end(xfrm, request, policy, expire.hard != 0 ? HARD : SOFT);
	return 0;
}
