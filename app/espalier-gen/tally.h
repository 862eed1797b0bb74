/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include "counters.h"
#include "faults.h"
#include "latency.h"
#include "options.h"

/* What a worker counts in a trial: it alone writes, the control core reads while it runs. */

struct way_tally {
	struct traffic sent;     /* frames that a device took, without FCS */
	struct traffic accepted; /* inner IP packets that arrived once and as they were sent */
	struct latency latency;  /* of the accepted */
};

struct tally {
	CACHE_ALIGNED struct way_tally way[DIRECTION_COUNT];
	uint64_t faults[FAULT_COUNT];
	uint64_t foreign;    /* frames that are not ours: routing protocols, earlier trials */
	uint64_t icmp_error; /* ICMP that says why something was not forwarded */
	uint64_t arp;
	uint64_t frames;  /* received in all */
	uint64_t last_rx; /* time stamp counter of the last frame */
	uint64_t first_tx, last_tx;
	uint64_t *by_peer; /* accepted packets of DIRECTION_OUT, by tunnel */
};
