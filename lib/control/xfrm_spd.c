/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "xfrm_message.h"
#include "xfrm_policies.h"

/* What clients ask and say of the policy database as a whole. */

XFRM_HANDLER(xfrm_spd_info)
{
	struct xfrm *xfrm = session->context->xfrm;
	/* How much of addresses of either end the kernel hashes; here, all of them. */
	const struct xfrmu_spdhthresh ipv4 = { 32, 32 }, ipv6 = { 128, 128 };
	const uint32_t flags = 0;
	struct xfrmu_spdinfo counts = { 0 };
	struct xfrmu_spdhinfo hash = { 0 };
	const struct xfrm_policy *policy;
	uint32_t cursor = 0;

	while ((policy = xfrm_policy_next(xfrm->policies, &cursor)) != NULL) {
		counts.incnt += policy->info.dir == XFRM_POLICY_IN;
		counts.outcnt += policy->info.dir == XFRM_POLICY_OUT;
		counts.fwdcnt += policy->info.dir == XFRM_POLICY_FWD;
	}
	hash.spdhcnt = cursor;
	hash.spdhmcnt = XFRM_POLICIES_MAX;
	struct netlink_writer writer = xfrm_writer(xfrm);
	xfrm_message_begin(&writer, XFRM_MSG_NEWSPDINFO, 0, request);
	netlink_put(&writer, &flags, sizeof(flags));
	netlink_put_attribute(&writer, XFRMA_SPD_INFO, &counts, sizeof(counts));
	netlink_put_attribute(&writer, XFRMA_SPD_HINFO, &hash, sizeof(hash));
	netlink_put_attribute(&writer, XFRMA_SPD_IPV4_HTHRESH, &ipv4, sizeof(ipv4));
	netlink_put_attribute(&writer, XFRMA_SPD_IPV6_HTHRESH, &ipv6, sizeof(ipv6));
	return xfrm_answer(session, &writer, why);
}

/* Thresholds of the kernel's hash: there is nothing to set here, and no harm in asking. */
XFRM_HANDLER(xfrm_spd_set)
{
	(void)session;
	(void)request;
	(void)why;
	return 0;
}

XFRM_HANDLER(xfrm_spd_set_default)
{
	struct xfrm_userpolicy_default verdicts = { 0 };
	struct netlink_span body = request->body;

	(void)session;
	netlink_take(&body, &verdicts, sizeof(verdicts));
	if (verdicts.in == XFRM_USERPOLICY_BLOCK || verdicts.fwd == XFRM_USERPOLICY_BLOCK ||
		verdicts.out == XFRM_USERPOLICY_BLOCK)
		return netlink_refuse(why, EOPNOTSUPP,
			"to block what has no policy is not supported; routes decide, and a "
			"tunnel's "
			"'selectors'");
	return 0;
}

XFRM_HANDLER(xfrm_spd_get_default)
{
	const struct xfrm_userpolicy_default verdicts = { XFRM_USERPOLICY_ACCEPT,
		XFRM_USERPOLICY_ACCEPT, XFRM_USERPOLICY_ACCEPT };
	struct netlink_writer writer = xfrm_writer(session->context->xfrm);

	xfrm_message_begin(&writer, XFRM_MSG_GETDEFAULT, 0, request);
	netlink_put(&writer, &verdicts, sizeof(verdicts));
	return xfrm_answer(session, &writer, why);
}
