/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>

/* Texts that somebody else chose, as they may be shown. Pure. */

/* Whole UTF-8 characters and no control characters, so that it can stand in JSON and on a terminal?
 */
bool text_is_printable(const char *text);

/* Makes it so, on one line: question marks take the place of what is not ASCII or not to be shown.
 * One that is printable stays as it is. */
void text_mask(char *text);
