/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

/*
 * THE list of the data path's stages, in the order in which a packet meets them. Their cycles are
 * counted by builds with -Dstage_cycles=true, and shown by `espalierctl show workers`.
 */
#define STAGES(X) \
	X(rx) \
	X(parse) \
	X(esp_claim) \
	X(refuse_clear) \
	X(esp_verify) \
	X(esp_decrypt) \
	X(esp_decap) \
	X(lookup) \
	X(forward) \
	X(esp_admit) \
	X(esp_encap) \
	X(esp_seal) \
	X(victims) \
	X(tx)

#ifdef ESPALIER_STAGE_CYCLES
#define STAGES_COUNTED 1
#else
#define STAGES_COUNTED 0
#endif

enum stage {
#define STAGE_ENUM(name) STAGE_##name,
	STAGES(STAGE_ENUM)
#undef STAGE_ENUM
		STAGE_COUNT
};

struct stage_counters {
	uint64_t packets; /* that entered it */
	uint64_t cycles;  /* of the TSC */
};
