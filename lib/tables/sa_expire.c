/* SPDX-License-Identifier: BSD-3-Clause */
#include "sa_table.h"

#include <errno.h>
#include <stdlib.h>

#include "gateway.h"
#include "lifetime.h"
#include "listener.h"
#include "log.h"
#include "tunnel.h"

/* Lifetimes that run out, and who is told. */

int
sa_expire_reserve(struct sa_table *table)
{
	uint32_t n = table->slots.n;

	if (n == table->n_look)
		return 0;
	uint64_t *look_ns = realloc(table->look_ns, n * sizeof(look_ns[0]));
	if (look_ns == NULL)
		return -ENOMEM;
	for (uint32_t slot = table->n_look; slot < n; slot++)
		look_ns[slot] = UINT64_MAX;
	table->look_ns = look_ns;
	table->n_look = n;
	return 0;
}

static void
tell(const struct gateway *gw, struct sa *sa, enum sa_expiry how)
{
	if (gw->listener != NULL && gw->listener->sa_expired != NULL)
		gw->listener->sa_expired(gw->listener->context, sa, how);
}

/* The SA may be gone afterwards: the listener may delete it. */
static void
look(struct gateway *gw, struct sa *sa, uint64_t now)
{
	struct tunnel *tunnel = &gw->tunnels[sa->tunnel];
	struct lifetime_verdict verdict = lifetime_judge(sa, now);

	gw->sas->look_ns[sa->record->slot] = verdict.look_ns;
	if (verdict.ran_out != NULL) {
		log_warning("tunnel %s: %s SA 0x%08x reached %s", tunnel->name,
			sa->direction == SA_IN ? "inbound" : "outbound", sa->spi, verdict.ran_out);
		gw->sas->look_ns[sa->record->slot] = UINT64_MAX;
		atomic_store_explicit(&sa->expired, true, memory_order_relaxed);
		if (sa->direction == SA_OUT)
			tunnel_refresh(gw, tunnel);
		tell(gw, sa, SA_EXPIRES_HARD);
	} else if (verdict.soft) {
		sa->record->soft_expired = true;
		tell(gw, sa, SA_EXPIRES_SOFT);
	}
}

void
sa_expire(struct gateway *gw, uint64_t now)
{
	struct sa_table *table = gw->sas;

	/* What a listener adds meanwhile can move the arrays, and is looked at the next time. */
	for (uint32_t slot = 0, n = table->slots.n; slot < n; slot++)
		if (table->look_ns[slot] <= now && table->slots.objects[slot] != NULL)
			look(gw, table->slots.objects[slot], now);
}

void
sa_look_soon(const struct gateway *gw, const struct sa *sa)
{
	gw->sas->look_ns[sa->record->slot] = 0;
}
