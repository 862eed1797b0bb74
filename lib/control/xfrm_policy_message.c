/* SPDX-License-Identifier: BSD-3-Clause */
#include "xfrm_policy_message.h"

#include <string.h>

#include "event.h"
#include "policy.h"
#include "protocol.h"
#include "xfrm_message.h"

struct xfrm_userpolicy_info
xfrm_policy_message_info(const struct xfrm *xfrm, const struct xfrm_policy *policy)
{
	struct xfrm_userpolicy_info info = policy->info;

	/* As the kernel, it does not count packets and bytes of policies. */
	info.curlft.add_time = policy->added_at;
	if (policy->policy != NULL)
		info.curlft.use_time = policy_used_at(xfrm->gw, policy->policy);
	return info;
}

void
xfrm_policy_message_details(struct netlink_writer *writer, const struct xfrm_policy *policy)
{
	if (policy->has_template)
		netlink_put_attribute(
			writer, XFRMA_TMPL, &policy->template, sizeof(policy->template));
	if (policy->name.if_id != 0)
		netlink_put_u32(writer, XFRMA_IF_ID, policy->name.if_id);
}

void
xfrm_policy_message_put(
	const struct xfrm *xfrm, struct netlink_writer *writer, const struct xfrm_policy *policy)
{
	struct xfrm_userpolicy_info info = xfrm_policy_message_info(xfrm, policy);

	netlink_put(writer, &info, sizeof(info));
	xfrm_policy_message_details(writer, policy);
}

/* The kernel names a deleted policy by its selector and has the rest in an attribute. */
static void
put_deleted(
	const struct xfrm *xfrm, struct netlink_writer *writer, const struct xfrm_policy *policy)
{
	struct xfrm_userpolicy_info info = xfrm_policy_message_info(xfrm, policy);
	struct xfrm_userpolicy_id id;

	memset(&id, 0, sizeof(id)); /* its padding is sent as well */
	id.sel = info.sel;
	id.index = info.index;
	id.dir = info.dir;
	netlink_put(writer, &id, sizeof(id));
	netlink_put_attribute(writer, XFRMA_POLICY, &info, sizeof(info));
	xfrm_policy_message_details(writer, policy);
}

void
xfrm_policy_notify(struct xfrm *xfrm, const struct netlink_message *request, uint16_t type,
	const struct xfrm_policy *policy)
{
	if (!event_wanted(xfrm->context, ESPALIER_FAMILY_XFRM, XFRMNLGRP_POLICY))
		return;
	struct netlink_writer writer = xfrm_writer(xfrm);
	xfrm_message_begin(&writer, type, 0, request);
	if (type == XFRM_MSG_DELPOLICY)
		put_deleted(xfrm, &writer, policy);
	else
		xfrm_policy_message_put(xfrm, &writer, policy);
	xfrm_event(xfrm, XFRMNLGRP_POLICY, &writer);
}
