/* SPDX-License-Identifier: BSD-3-Clause */
#include "xfrm_mapping.h"

#include <string.h>

#include "event.h"
#include "protocol.h"
#include "xfrm_message.h"

void
xfrm_mapping(void *context, const struct sa *sa, uint32_t new_address, uint16_t new_port)
{
	const struct session_context *shared = context;
	struct xfrm *xfrm = shared->xfrm;
	const struct xfrm_state *state = sa->record->origin;
	struct xfrm_user_mapping mapping;

	if (state == NULL || !event_wanted(xfrm->context, ESPALIER_FAMILY_XFRM, XFRMNLGRP_MAPPING))
		return;
	memset(&mapping, 0, sizeof(mapping)); /* its padding is sent as well */
	mapping.id = xfrm_message_id(state);
	mapping.reqid = state->info.reqid;
	mapping.old_saddr = state->info.saddr;
	mapping.new_saddr = xfrm_address_of(new_address);
	mapping.old_sport = state->encap.encap_sport;
	mapping.new_sport = htons(new_port);
	struct netlink_writer writer = xfrm_writer(xfrm);
	xfrm_message_begin(&writer, XFRM_MSG_MAPPING, 0, NULL);
	netlink_put(&writer, &mapping, sizeof(mapping));
	xfrm_event(xfrm, XFRMNLGRP_MAPPING, &writer);
}
