/* SPDX-License-Identifier: BSD-3-Clause */

/* What becomes of a feed's routes when the nexthop objects that they name do. */

#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "feed_parts.h"

/* No source numbers an object so. */
#define NEXTHOP_ID_LOST UINT32_MAX

static void
mark_concerned(struct rib *rib, struct rib_entry *entry, void *context)
{
	struct feed *feed = context;

	for (const struct rib_route *route = entry->routes; route != NULL; route = route->next)
		if (route->facts.nexthop_id != 0 &&
			nexthops_concern(&feed->nexthops, route->facts.nexthop_id))
			rib_mark(rib, entry);
}

void
feed_mark_concerned(struct feed *feed)
{
	if (!feed->nexthops.changed)
		return;
	nexthops_survey(&feed->nexthops);
	rib_each(&feed->rib, mark_concerned, feed);
	nexthops_settle(&feed->nexthops);
}

/* --- forgetting --- */

struct detachment {
	struct nexthops *nexthops;
	bool complete; /* there was memory for all */
};

/* Gives a route these ways instead of the object's. False: no memory, and it is as it was. */
static bool
set_ways(struct rib_route **link, const struct hop hops[], unsigned n)
{
	struct rib_route *route = realloc(*link, sizeof(*route) + n * sizeof(hops[0]));

	if (route == NULL)
		return false;
	memcpy(route->hops, hops, n * sizeof(hops[0]));
	route->facts.n_hops = (uint8_t)n;
	route->facts.nexthop_id = 0;
	*link = route;
	return true;
}

/* Makes a route say by itself what the object says that it names; see take_ways() of translate.c.
 */
static bool
detach_route(struct nexthops *nexthops, struct rib_route **link)
{
	struct hop hops[LEARNED_HOPS_MAX];
	unsigned n;
	enum nexthop_verdict verdict =
		nexthops_resolve(nexthops, (*link)->facts.nexthop_id, hops, &n);

	if (verdict == NEXTHOP_UNKNOWN) {
		/* Without ways of its own it goes on waiting, for what nobody will tell it now. */
		(*link)->facts.nexthop_id = (*link)->facts.n_hops > 0 ? 0 : NEXTHOP_ID_LOST;
		return true;
	}
	if (!set_ways(link, hops, n))
		return false;
	if (verdict == NEXTHOP_STRANGE)
		(*link)->strange = true;
	if (verdict == NEXTHOP_BLACKHOLE && (*link)->facts.type == RTN_UNICAST)
		(*link)->facts.type = RTN_BLACKHOLE;
	return true;
}

static void
detach_entry(struct rib *rib, struct rib_entry *entry, void *context)
{
	struct detachment *detachment = context;

	(void)rib;
	for (struct rib_route **link = &entry->routes; *link != NULL; link = &(*link)->next)
		if ((*link)->facts.nexthop_id != 0 && !detach_route(detachment->nexthops, link))
			detachment->complete = false;
}

bool
feed_forget_nexthops(struct feed *feed)
{
	struct detachment detachment = { .nexthops = &feed->nexthops, .complete = true };

	feed_mark_concerned(feed); /* while they have names */
	rib_each(&feed->rib, detach_entry, &detachment);
	if (!detachment.complete)
		return false;
	nexthops_close(&feed->nexthops);
	return true;
}
