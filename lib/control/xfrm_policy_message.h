/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "xfrm_internal.h"
#include "xfrm_policies.h"

/* Policies as messages to clients, laid out as the kernel does. */

/* How it is now, its times filled in. */
struct xfrm_userpolicy_info
xfrm_policy_message_info(const struct xfrm *xfrm, const struct xfrm_policy *policy);
/* Its attributes. */
void xfrm_policy_message_details(struct netlink_writer *writer, const struct xfrm_policy *policy);
/* The whole body of a NEWPOLICY or UPDPOLICY. */
void xfrm_policy_message_put(
	const struct xfrm *xfrm, struct netlink_writer *writer, const struct xfrm_policy *policy);

/* Tells group POLICY of a NEWPOLICY, UPDPOLICY or DELPOLICY. */
void xfrm_policy_notify(struct xfrm *xfrm, const struct netlink_message *request, uint16_t type,
	const struct xfrm_policy *policy);
