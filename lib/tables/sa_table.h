/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "sa.h"
#include "slots.h"

/* The table of SAs, for the files that keep it: sa.c, sa_change.c, sa_expire.c. */

struct sa_entry;

struct sa_table {
	struct spi_index *inbound; /* control writes, workers read */
	/* control only */
	CACHE_ALIGNED struct sa_entry *by_name;
	struct slots slots; /* all SAs: sa_record.slot */
	uint64_t *look_ns;  /* by slot: when its lifetimes want a look. Dense, for all of them are
			       gone through ten times a second */
	uint32_t n_look;
	uint64_t installations;
};

/* Room for the looks of all slots. 0 or -ENOMEM. */
int sa_expire_reserve(struct sa_table *table);
/* What limits an SA has changed: the next look at lifetimes includes it. */
void sa_look_soon(const struct gateway *gw, const struct sa *sa);
