/* SPDX-License-Identifier: BSD-3-Clause */
#include "sa.h"

#include "gateway.h"
#include "policy.h"
#include "tunnel.h"

/* Which of its outbound SAs a tunnel, or one of its policies, sends on. */

/* What becomes of packets where nothing usable is wanted; `newest` of what is wanted, or NULL. */
static enum drop_reason
why_none(const struct sa *newest)
{
	if (newest == NULL)
		return DROP_no_sa;
	if (atomic_load_explicit(&newest->sequence, memory_order_relaxed) >= newest->limit_sequence)
		return newest->limit_reason;
	return DROP_sa_expired;
}

/* By what one policy wishes, or all of the tunnel's where it is NULL. */
static struct sa *
select_by(const struct gateway *gw, uint16_t tunnel, const struct policy *policy,
	enum drop_reason *drop)
{
	/* Then the newest will do: with thousands of SAs, adding one must not look at all. */
	bool any = policy == NULL && !policy_asks(&gw->tunnels[tunnel]);
	const struct sa *newest = NULL;
	struct sa *sa, *best = NULL;
	uint64_t most = 0;

	LIST_FOREACH (sa, &gw->tunnels[tunnel].outbound, record->link) {
		uint64_t wanted = policy != NULL ? policy_wish(policy, sa)
						 : policy_preference(&gw->tunnels[tunnel], sa);

		if (wanted > 0 && newest == NULL)
			newest = sa;
		if (wanted <= most || atomic_load_explicit(&sa->expired, memory_order_relaxed))
			continue;
		most = wanted;
		best = sa;
		if (any)
			break;
	}
	if (best == NULL)
		*drop = why_none(newest);
	return best;
}

struct sa *
sa_select_out(const struct gateway *gw, uint16_t tunnel, enum drop_reason *drop)
{
	return select_by(gw, tunnel, NULL, drop);
}

struct sa *
sa_select_for(const struct gateway *gw, uint16_t tunnel, const struct policy *policy,
	enum drop_reason *drop)
{
	return select_by(gw, tunnel, policy, drop);
}
