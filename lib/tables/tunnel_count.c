/* SPDX-License-Identifier: BSD-3-Clause */
#include "tunnel.h"

/* What passed through a tunnel: what passes under its SAs, and what did under those that are gone.
 */

static void
add(struct traffic *total, const struct traffic *part)
{
	total->packets += part->packets;
	total->bytes += part->bytes;
}

static void
add_all(struct traffic *total, const struct sa_list *sas)
{
	const struct sa *sa;

	LIST_FOREACH (sa, sas, record->link) {
		struct traffic passed;

		sa_passed(sa, &passed);
		add(total, &passed);
	}
}

void
tunnel_traffic(const struct tunnel *tunnel, struct tunnel_traffic *traffic)
{
	*traffic = tunnel->gone;
	add_all(&traffic->tx, &tunnel->outbound);
	add_all(&traffic->rx, &tunnel->inbound);
}

void
tunnel_keep(struct tunnel *tunnel, struct sa *sa)
{
	struct traffic passed, fresh;

	sa_passed(sa, &passed);
	fresh = (struct traffic) {
		.packets = passed.packets - sa->record->kept.packets,
		.bytes = passed.bytes - sa->record->kept.bytes,
	};
	add(sa->direction == SA_OUT ? &tunnel->gone.tx : &tunnel->gone.rx, &fresh);
	sa->record->kept = passed;
}
