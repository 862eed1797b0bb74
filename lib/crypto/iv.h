/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include <intel-ipsec-mb.h>

#include "compiler.h"
#include "sizes.h"

/* A worker's source of initialisation vectors for AES-CBC. Internal to lib/crypto. */

#define IV_BYTES 16
#define IV_SCHEDULE_BYTES (11 * 16) /* AES-128's round keys */

struct iv_source {
	CACHE_ALIGNED uint8_t ivs[BURST_PKTS][IV_BYTES];
	CACHE_ALIGNED uint8_t schedule[IV_SCHEDULE_BYTES]; /* random, this worker's alone */
	uint8_t counter[IV_BYTES];                         /* of the next draw's first block */
	uint64_t draws;
	uint64_t drawn; /* IVs handed out */
	IMB_JOB job;
};

/* Keys the source from getrandom(2). Control, at start. 0 or -errno. */
int iv_source_init(struct iv_source *source, IMB_MGR *manager);

/* n fresh IVs, valid until the next draw. n <= BURST_PKTS. */
const uint8_t (*iv_draw(struct iv_source *source, IMB_MGR *manager, unsigned n))[IV_BYTES];
