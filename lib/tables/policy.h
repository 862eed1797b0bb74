/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "selector.h"

/*
 * Policies (RFC 4301 4.4.1) of tunnels. As long as a tunnel has none, the selectors of its
 * configuration hold, or everything passes. From the first one on its policies alone decide: what
 * comes out of it must match one for "in" or "fwd", what goes in one for "out", in the order of
 * their priorities. An outbound one also says which SA the tunnel sends on, and that one shall be
 * asked for when there is none. All of this is control only.
 */

enum policy_direction { POLICY_IN, POLICY_OUT, POLICY_FWD }; /* as XFRM numbers them */

/* Of one tunnel, in all directions: workers try them one by one. */
#define POLICIES_PER_TUNNEL 256

struct policy_spec {
	enum policy_direction direction;
	uint16_t tunnel;   /* index */
	uint32_t priority; /* the lowest comes first; of equal ones, the oldest */
	struct selector selector;
	/* outbound: the SA that it wants */
	bool protects;        /* false: it wants none */
	uint32_t spi;         /* 0: the newest of that reqid */
	uint32_t destination; /* host order; 0: any */
	uint32_t reqid;       /* 0: any */
	bool traps;           /* it asks for an SA, and is not met by any itself */
	void *origin;         /* the installer's own */
};

struct policy {
	struct policy_spec spec;
	uint64_t since;     /* wall clock, seconds: when it was put */
	uint64_t installed; /* counts up with each policy that comes */
	uint64_t changed;   /* the same, with each change as well */
	LIST_ENTRY(policy) link;
};

struct gateway;
struct sa;
struct tunnel;

/*
 * Puts a policy in the place of `old`, or beside the others where that is NULL, and publishes what
 * follows from it. The policy, which may be `old` changed, comes back in `put`. 0, -ENOSPC (the
 * tunnel has POLICIES_PER_TUNNEL) or -ENOMEM; then nothing has changed.
 */
int policy_put(struct gateway *gw, struct policy *old, const struct policy_spec *spec,
	struct policy **put);
/* The policy is gone afterwards. Where memory is too short to publish what is left, the tunnel
 * carries nothing until the next change. */
void policy_delete(struct gateway *gw, struct policy *policy);
/* Frees a tunnel's policies and their sets. No worker may run. */
void policy_destroy_all(struct tunnel *tunnel);

/* What workers shall hold outbound packets against; NULL: all pass. */
const struct selector_set *policy_outbound(const struct tunnel *tunnel);

/* Its outbound policies in the order in which they decide, into an array of POLICIES_PER_TUNNEL;
 * returns their number. */
unsigned policy_outbound_sorted(const struct tunnel *tunnel, const struct policy *sorted[]);

/* Is it an outbound one that protects what it lets pass? */
bool policy_wants_sa(const struct policy *policy);
/* How much it wants that SA, as policy_preference(). */
uint64_t policy_wish(const struct policy *policy, const struct sa *sa);
/* Would the tunnel, without an SA, ask for one? */
bool policy_asks(const struct tunnel *tunnel);
/* The outbound policy that decides about such packets; NULL: none wants an SA for them. */
const struct policy *policy_match(const struct tunnel *tunnel, const struct packet_flow *flow);
/*
 * How much the tunnel's outbound policies want that SA: 0: not at all; 1: they would take any with
 * its reqid; more: one names its SPI, and the one that was put last counts most. 1 as well while
 * there are no policies.
 */
uint64_t policy_preference(const struct tunnel *tunnel, const struct sa *sa);

/* Looks which tunnels carried packets since the last look; in each tick, for it does so once a
 * second only. `wall` is the wall clock in seconds. */
void policy_note_use(struct gateway *gw, uint64_t wall);
/* When packets last passed in the policy's direction, all policies of a tunnel taken together; 0:
 * none since it was put. */
uint64_t policy_used_at(const struct gateway *gw, const struct policy *policy);
