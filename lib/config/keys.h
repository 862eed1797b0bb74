/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "values.h"

/* Algorithms and keys of security associations. No message of these shows a key or a piece of one.
 */

FIELD_READER(keys_encryption);     /* struct suite: its encryption */
FIELD_READER(keys_authentication); /* struct suite: its authentication */
FIELD_READER(keys_later);          /* nothing: keys_read() reads it, once the suite is known */

/* Sees that encryption and authentication go together, and reads the keys they need. The encryption
 * is set. */
void keys_read(struct reader *reader, const config_setting_t *group, struct config_sa *sa);
