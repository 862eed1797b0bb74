/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>

#include "values.h"

/* Names of network interfaces in the kernel. */

/* Would the kernel take it? */
bool interface_is_valid(const char *name);

FIELD_READER(value_interface); /* char [INTERFACE_BYTES] */

/* What a port or tunnel is called in the kernel unless it is told: its own name where that will do,
 * else `prefix` and a number. */
void interface_derive(
	char interface[INTERFACE_BYTES], const char *name, const char *prefix, unsigned number);

/* Notes that a port or tunnel, `group`, uses the name. False, and told, where another has it. */
bool interface_claim(struct reader *reader, const config_setting_t *group,
	const char interface[INTERFACE_BYTES]);
