/* SPDX-License-Identifier: BSD-3-Clause */
#include "event.h"

#include <string.h>
#include "policy.h"
#include "protocol.h"
#include "xfrm_message.h"
#include "xfrm_policy.h"
#include "xfrm_policy_message.h"

/* The selector of one packet, outbound: as narrow as it can be, as the kernel's. */
static struct xfrm_selector
selector_of(const struct packet_flow *flow)
{
	struct xfrm_selector selector;

	memset(&selector, 0, sizeof(selector)); /* its padding is sent as well */
	selector.daddr = xfrm_address_of(flow->remote);
	selector.saddr = xfrm_address_of(flow->local);
	selector.dport = htons(flow->remote_port);
	selector.dport_mask = UINT16_MAX;
	selector.sport = htons(flow->local_port);
	selector.sport_mask = UINT16_MAX;
	selector.family = AF_INET;
	selector.prefixlen_d = 32;
	selector.prefixlen_s = 32;
	selector.proto = flow->protocol;
	return selector;
}

bool
xfrm_acquire(void *context, const struct tunnel *tunnel, const struct packet_flow *flow)
{
	const struct session_context *shared = context;
	struct xfrm *xfrm = shared->xfrm;
	const struct policy *found = policy_match(tunnel, flow);

	if (found == NULL || found->spec.origin == NULL ||
		!event_wanted(xfrm->context, ESPALIER_FAMILY_XFRM, XFRMNLGRP_ACQUIRE))
		return false;
	const struct xfrm_policy *policy = found->spec.origin;
	const struct xfrm_user_tmpl *template = &policy->template;
	struct xfrm_user_acquire acquire;

	memset(&acquire, 0, sizeof(acquire));
	acquire.id = template->id;
	acquire.saddr = template->saddr;
	acquire.sel = selector_of(flow);
	acquire.policy = xfrm_policy_message_info(xfrm, policy);
	acquire.aalgos = template->aalgos;
	acquire.ealgos = template->ealgos;
	acquire.calgos = template->calgos;
	acquire.seq = ++xfrm->acquires;
	/* A trap that names no address means the packet's. */
	if (acquire.id.daddr.a4 == 0)
		acquire.id.daddr = acquire.sel.daddr;
	if (acquire.saddr.a4 == 0)
		acquire.saddr = acquire.sel.saddr;
	struct netlink_writer writer = xfrm_writer(xfrm);
	xfrm_message_begin(&writer, XFRM_MSG_ACQUIRE, 0, NULL);
	netlink_put(&writer, &acquire, sizeof(acquire));
	xfrm_policy_message_details(&writer, policy);
	xfrm_event(xfrm, XFRMNLGRP_ACQUIRE, &writer);
	return true;
}
