/* SPDX-License-Identifier: BSD-3-Clause */
#include "sa.h"

#include <stdatomic.h>

/* What passed under an SA, and what it refused. */

/* Workers that met the limit took numbers past it and sent nothing under them. */
static uint64_t
last_sent(const struct sa *sa)
{
	uint64_t taken = atomic_load_explicit(&sa->sequence, memory_order_relaxed);
	uint64_t limit = sa->limit_sequence;

	return taken < limit ? taken : limit;
}

uint64_t
sa_last_sequence(const struct sa *sa)
{
	return sa->direction == SA_IN ? counter_read(&sa_replay(sa)->top) : last_sent(sa);
}

void
sa_passed(const struct sa *sa, struct traffic *traffic)
{
	if (sa->direction == SA_IN) {
		traffic->packets = counter_read(&sa->packets_in);
		traffic->bytes = counter_read(&sa->bytes_in);
	} else {
		traffic->packets = last_sent(sa) - sa->record->first_sequence;
		traffic->bytes = atomic_load_explicit(&sa->bytes_out, memory_order_relaxed);
	}
}

void
sa_traffic(const struct sa *sa, struct traffic *traffic)
{
	sa_passed(sa, traffic);
	traffic->packets += sa->record->past.packets;
	traffic->bytes += sa->record->past.bytes;
}

void
sa_refused(struct sa *sa, enum drop_reason reason)
{
	struct sa_record *record = sa->record;

	if (reason == DROP_replay_duplicate)
		counter_add(&record->duplicates, 1);
	else if (reason == DROP_replay_late)
		counter_add(&record->lates, 1);
	else if (reason == DROP_bad_icv)
		counter_add(&record->forgeries, 1);
}
