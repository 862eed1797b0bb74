/* SPDX-License-Identifier: BSD-3-Clause */
#include "drops.h"

static const struct {
	const char *name;
	const char *description;
} drops[DROP_REASON_COUNT] = {
#define DROP_ROW(n, d) [DROP_##n] = { .name = #n, .description = d },
	DROP_REASONS(DROP_ROW)
#undef DROP_ROW
};

const char *
drop_name(enum drop_reason reason)
{
	return (unsigned)reason < DROP_REASON_COUNT ? drops[reason].name : NULL;
}

const char *
drop_description(enum drop_reason reason)
{
	return (unsigned)reason < DROP_REASON_COUNT ? drops[reason].description : NULL;
}
