/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Words for messages. Pure. */

#define QUOTE_BYTES 96

/* A text as it may stand in a message: in quotes, on one line, cut where it is long, and not at all
 * where it may be a key that went to the wrong place. Returns `quoted`. */
const char *words_quote(const char *text, char quoted[QUOTE_BYTES]);

/* Adds a word to a list of words: "one, two". What does not fit is cut. */
void words_list(char *list, size_t list_bytes, const char *word);

/* Of a candidate and the best one so far (NULL: none yet) the one that a misspelled word more
 * likely means; NULL where neither is near. */
const char *words_closer(const char *word, const char *candidate, const char *best);
