/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "compiler.h"
#include "flow.h"
#include "sa.h"
#include "selector.h"

/* Do a tunnel's selectors let a packet pass whose header was checked? Prefixes alone, the common
 * case, need nothing but its addresses. Worker. */

static inline bool
admit_outbound(const struct selector_set *set, const struct rte_ipv4_hdr *ip)
{
	if (likely(set == NULL || set->plain))
		return selector_match(
			set, rte_be_to_cpu_32(ip->src_addr), rte_be_to_cpu_32(ip->dst_addr));
	struct packet_flow flow = flow_outbound(ip);
	return selector_match_flow(set, &flow);
}

static inline bool
admit_inbound(const struct selector_set *set, const struct rte_ipv4_hdr *ip, const struct sa *sa)
{
	if (likely(set == NULL || set->plain))
		return selector_match(
			set, rte_be_to_cpu_32(ip->dst_addr), rte_be_to_cpu_32(ip->src_addr));
	struct packet_flow flow = flow_inbound(ip);
	flow.reqid = sa->reqid;
	return selector_match_flow(set, &flow);
}
