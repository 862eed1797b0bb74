/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdlib.h>

#include "replay.h"

/* What the tests of replay windows have alike. */

#define NEW DROP_NONE
#define DUP DROP_replay_duplicate
#define LATE DROP_replay_late

#define E32 (UINT64_C(1) << 32) /* the first number of the second subspace */

/* The caller frees it. */
static struct replay *
make(uint32_t window, uint64_t top)
{
	struct replay *replay = malloc(replay_size(window));

	assert_non_null(replay);
	replay_init(replay, window, top);
	return replay;
}
