/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway.h"
#include "hold.h"
#include "log.h"
#include "policy_set.h"
#include "publish.h"
#include "slab.h"
#include "tunnel.h"

/* That passed through a tunnel. */
struct packets {
	uint64_t rx, tx;
};

/* Of one tunnel; there is none where it has no policy. */
struct policies {
	struct policy_list list;
	unsigned n;
	struct selector_set *inbound, *outbound; /* as published */
	uint64_t rx_used_at, tx_used_at;         /* wall clock, seconds; 0: never */
	struct packets seen;                     /* at the last look */
};

/* What a tunnel has that cannot be given what it should have. */
static const struct selector_set nothing_passes = { .n = 0, .plain = true };

/* --- what workers see --- */

static void
retire(void *set, void *context)
{
	(void)context;
	slab_free(set);
}

/* What was in use before and is no longer, workers have finished with at the next grace period. */
static void
let_go(struct gateway *gw, struct selector_set *set)
{
	if (set != NULL)
		publish_retire(gw->publisher, set, retire, NULL);
}

/* What was there before is let go later, when the other way is published too. */
static void
publish_inbound(struct gateway *gw, const struct tunnel *tunnel, const struct selector_set *set)
{
	publish_swap(gw->publisher, &gw->inbound_selectors[tunnel->index], set, NULL, NULL);
}

/*
 * Publishes both sets of a tunnel as its policies want them now. A set that stays the same stays
 * in place, so that workers notice nothing of a rekey. 0 or -ENOMEM, then nothing has changed.
 */
static int
apply(struct gateway *gw, struct tunnel *tunnel)
{
	struct policies *policies = tunnel->policies;
	struct selector_set *inbound = policy_set_build(gw->slab, &policies->list, POLICY_INBOUND);
	struct selector_set *outbound =
		policy_set_build(gw->slab, &policies->list, POLICY_OUTBOUND);
	struct selector_set *old_inbound = policies->inbound, *old_outbound = policies->outbound;

	if (inbound == NULL || outbound == NULL) {
		slab_free(inbound);
		slab_free(outbound);
		return -ENOMEM;
	}
	if (policy_set_same(old_inbound, inbound)) {
		slab_free(inbound);
		old_inbound = NULL;
	} else {
		policies->inbound = inbound;
		publish_inbound(gw, tunnel, inbound);
	}
	if (policy_set_same(old_outbound, outbound)) {
		slab_free(outbound);
		old_outbound = NULL;
	} else {
		policies->outbound = outbound;
	}
	hold_ask_again(tunnel);
	tunnel_refresh(gw, tunnel);
	let_go(gw, old_inbound);
	let_go(gw, old_outbound);
	return 0;
}

/* The tunnel is without policies again. */
static void
dismiss(struct gateway *gw, struct tunnel *tunnel)
{
	struct policies *policies = tunnel->policies;

	tunnel->policies = NULL;
	hold_ask_again(tunnel);
	publish_inbound(gw, tunnel, tunnel->selectors);
	tunnel_refresh(gw, tunnel);
	let_go(gw, policies->inbound);
	let_go(gw, policies->outbound);
	free(policies);
}

/* --- policies come and go --- */

static struct packets
packets(const struct tunnel *tunnel)
{
	struct tunnel_traffic passed;

	tunnel_traffic(tunnel, &passed);
	return (struct packets) { .rx = passed.rx.packets, .tx = passed.tx.packets };
}

static struct policies *
find_or_make(struct tunnel *tunnel)
{
	struct policies *policies = tunnel->policies;

	if (policies != NULL)
		return policies;
	policies = calloc(1, sizeof(*policies));
	if (policies == NULL)
		return NULL;
	policies->seen = packets(tunnel);
	tunnel->policies = policies;
	return policies;
}

static void
unlink_policy(struct tunnel *tunnel, struct policy *policy)
{
	LIST_REMOVE(policy, link);
	tunnel->policies->n--;
}

static int
add(struct gateway *gw, const struct policy_spec *spec, struct policy **put)
{
	struct tunnel *tunnel = &gw->tunnels[spec->tunnel];
	struct policies *policies = find_or_make(tunnel);
	struct policy *policy;

	if (policies == NULL)
		return -ENOMEM;
	if (policies->n == POLICIES_PER_TUNNEL)
		return -ENOSPC;
	policy = calloc(1, sizeof(*policy));
	if (policy == NULL)
		goto no_memory;
	policy->spec = *spec;
	policy->since = (uint64_t)time(NULL);
	policy->installed = policy->changed = ++gw->policy_changes;
	LIST_INSERT_HEAD(&policies->list, policy, link);
	policies->n++;
	if (apply(gw, tunnel) == 0) {
		*put = policy;
		return 0;
	}
	unlink_policy(tunnel, policy);
	free(policy);

no_memory:
	if (policies->n == 0) {
		/* It came for this one, and workers never saw it. */
		tunnel->policies = NULL;
		free(policies);
	}
	return -ENOMEM;
}

static int
change(struct gateway *gw, struct policy *policy, const struct policy_spec *spec)
{
	struct policy before = *policy;

	policy->spec = *spec;
	policy->since = (uint64_t)time(NULL);
	policy->changed = ++gw->policy_changes;
	if (apply(gw, &gw->tunnels[spec->tunnel]) == 0)
		return 0;
	policy->spec = before.spec;
	policy->since = before.since;
	policy->changed = before.changed;
	return -ENOMEM;
}

int
policy_put(
	struct gateway *gw, struct policy *old, const struct policy_spec *spec, struct policy **put)
{
	if (old != NULL && old->spec.tunnel == spec->tunnel) {
		*put = old;
		return change(gw, old, spec);
	}
	int error = add(gw, spec, put);
	if (error == 0 && old != NULL)
		policy_delete(gw, old);
	return error;
}

/* No memory for what is left of the policies: better nothing passes than what should not. */
static void
close_off(struct gateway *gw, struct tunnel *tunnel)
{
	struct policies *policies = tunnel->policies;
	struct selector_set *inbound = policies->inbound, *outbound = policies->outbound;

	log_error("tunnel %s: no memory for its policies; nothing passes", tunnel->name);
	policies->inbound = policies->outbound = NULL;
	publish_inbound(gw, tunnel, &nothing_passes);
	tunnel_refresh(gw, tunnel);
	let_go(gw, inbound);
	let_go(gw, outbound);
}

void
policy_delete(struct gateway *gw, struct policy *policy)
{
	struct tunnel *tunnel = &gw->tunnels[policy->spec.tunnel];

	unlink_policy(tunnel, policy);
	free(policy);
	if (tunnel->policies->n == 0)
		dismiss(gw, tunnel);
	else if (apply(gw, tunnel) < 0)
		close_off(gw, tunnel);
}

void
policy_destroy_all(struct tunnel *tunnel)
{
	struct policies *policies = tunnel->policies;
	struct policy *policy;

	if (policies == NULL)
		return;
	while ((policy = LIST_FIRST(&policies->list)) != NULL) {
		unlink_policy(tunnel, policy);
		free(policy);
	}
	slab_free(policies->inbound);
	slab_free(policies->outbound);
	free(policies);
	tunnel->policies = NULL;
}

/* --- what follows from them --- */

const struct selector_set *
policy_outbound(const struct tunnel *tunnel)
{
	if (tunnel->policies == NULL)
		return tunnel->selectors;
	return tunnel->policies->outbound != NULL ? tunnel->policies->outbound : &nothing_passes;
}

bool
policy_wants_sa(const struct policy *policy)
{
	return policy_goes(policy, POLICY_OUTBOUND) && policy->spec.protects &&
		!policy->spec.selector.blocks;
}

unsigned
policy_outbound_sorted(const struct tunnel *tunnel, const struct policy *sorted[])
{
	return tunnel->policies == NULL
		? 0
		: policy_set_sort(&tunnel->policies->list, POLICY_OUTBOUND, sorted);
}

bool
policy_asks(const struct tunnel *tunnel)
{
	const struct policy *policy;

	if (tunnel->policies == NULL)
		return false;
	LIST_FOREACH (policy, &tunnel->policies->list, link)
		if (policy_wants_sa(policy))
			return true;
	return false;
}

const struct policy *
policy_match(const struct tunnel *tunnel, const struct packet_flow *flow)
{
	const struct policy *policy, *first = NULL;

	if (tunnel->policies == NULL)
		return NULL;
	LIST_FOREACH (policy, &tunnel->policies->list, link)
		if (policy_goes(policy, POLICY_OUTBOUND) &&
			selector_covers(&policy->spec.selector, flow) &&
			(first == NULL || policy_comes_before(policy, first)))
			first = policy;
	return first != NULL && policy_wants_sa(first) ? first : NULL;
}

uint64_t
policy_wish(const struct policy *policy, const struct sa *sa)
{
	const struct policy_spec *spec = &policy->spec;

	if (spec->traps)
		return 0;
	if (spec->spi != 0 && spec->spi == sa->spi &&
		(spec->destination == 0 || spec->destination == sa->destination))
		return 1 + policy->changed;
	return spec->reqid == 0 || sa->reqid == 0 || spec->reqid == sa->reqid;
}

uint64_t
policy_preference(const struct tunnel *tunnel, const struct sa *sa)
{
	const struct policy *policy;
	uint64_t highest = 0;

	if (!policy_asks(tunnel))
		return 1;
	LIST_FOREACH (policy, &tunnel->policies->list, link) {
		uint64_t this = policy_wants_sa(policy) ? policy_wish(policy, sa) : 0;

		if (this > highest)
			highest = this;
	}
	return highest;
}

/* --- use --- */

static void
note_use(const struct tunnel *tunnel, uint64_t wall)
{
	struct policies *policies = tunnel->policies;
	struct packets now = packets(tunnel);

	if (now.rx != policies->seen.rx)
		policies->rx_used_at = wall;
	if (now.tx != policies->seen.tx)
		policies->tx_used_at = wall;
	policies->seen = now;
}

void
policy_note_use(struct gateway *gw, uint64_t wall)
{
	if (wall == gw->policies_seen_at)
		return;
	gw->policies_seen_at = wall;
	for (unsigned i = 0; i < gw->n_tunnels; i++)
		if (gw->tunnels[i].policies != NULL)
			note_use(&gw->tunnels[i], wall);
}

uint64_t
policy_used_at(const struct gateway *gw, const struct policy *policy)
{
	const struct tunnel *tunnel = &gw->tunnels[policy->spec.tunnel];
	uint64_t at;

	note_use(tunnel, (uint64_t)time(NULL));
	at = policy_goes(policy, POLICY_OUTBOUND) ? tunnel->policies->tx_used_at
						  : tunnel->policies->rx_used_at;
	return at >= policy->since ? at : 0;
}
