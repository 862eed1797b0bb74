/* SPDX-License-Identifier: BSD-3-Clause */
#include "selector.h"

bool
selector_covers(const struct selector *selector, const struct packet_flow *flow)
{
	return prefix_covers(selector->local, flow->local) &&
		prefix_covers(selector->remote, flow->remote) &&
		(selector->protocol == 0 || selector->protocol == flow->protocol) &&
		((selector->local_port ^ flow->local_port) & selector->local_port_mask) == 0 &&
		((selector->remote_port ^ flow->remote_port) & selector->remote_port_mask) == 0;
}

/* Did it come by an SA that the policy wants? */
static bool
is_wanted(const struct selector *selector, const struct packet_flow *flow)
{
	return selector->reqid == 0 || flow->reqid == 0 || selector->reqid == flow->reqid;
}

bool
selector_match_flow(const struct selector_set *set, const struct packet_flow *flow)
{
	if (set == NULL)
		return true;
	for (uint32_t i = 0; i < set->n; i++)
		if (selector_covers(&set->selectors[i], flow))
			return !set->selectors[i].blocks && is_wanted(&set->selectors[i], flow);
	return false;
}
