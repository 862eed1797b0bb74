/* SPDX-License-Identifier: BSD-3-Clause */
#include "words.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

#define SHOWN_BYTES 60
#define KEY_DIGITS 13 /* more than a link-layer address has */
#define KEY_COLONS 8  /* more than an IPv6 address has */
#define WORD_BYTES 64

/* Does it hold as many hexadecimal digits in a row as a piece of a key may have? Colons between
 * them make no difference when there are many. */
static bool
may_be_key(const char *text)
{
	unsigned run = 0, digits = 0, colons = 0;

	for (; *text != '\0'; text++) {
		bool digit = isxdigit((unsigned char)*text);
		bool colon = strchr(":-. ", *text) != NULL;
		run = digit ? run + 1 : 0;
		digits = digit ? digits + 1 : colon ? digits : 0;
		colons = digit ? colons : colon ? colons + 1 : 0;
		if (run >= KEY_DIGITS || (digits >= KEY_DIGITS && colons >= KEY_COLONS))
			return true;
	}
	return false;
}

const char *
words_quote(const char *text, char quoted[QUOTE_BYTES])
{
	size_t bytes = strlen(text), shown = bytes < SHOWN_BYTES ? bytes : SHOWN_BYTES;

	if (may_be_key(text)) {
		snprintf(quoted, QUOTE_BYTES, "(not shown: it may be a key)");
		return quoted;
	}
	/* Not in the middle of a character. */
	while (shown < bytes && shown > 0 && (text[shown] & 0xC0) == 0x80)
		shown--;
	snprintf(quoted, QUOTE_BYTES, "\"%.*s%s\"", (int)shown, text, shown < bytes ? "..." : "");
	text_mask(quoted);
	return quoted;
}

/* Levenshtein's distance of two words; a large one where a word is too long to look at. */
static unsigned
distance(const char *a, const char *b)
{
	size_t a_bytes = strlen(a), b_bytes = strlen(b);
	unsigned row[WORD_BYTES + 1];

	if (a_bytes > WORD_BYTES || b_bytes > WORD_BYTES)
		return UINT32_MAX;
	for (unsigned j = 0; j <= b_bytes; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a_bytes; i++) {
		unsigned corner = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= b_bytes; j++) {
			unsigned changed = corner +
				(tolower((unsigned char)a[i - 1]) !=
					tolower((unsigned char)b[j - 1]));
			unsigned moved = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			corner = row[j];
			row[j] = changed < moved ? changed : moved;
		}
	}
	return row[b_bytes];
}

const char *
words_closer(const char *word, const char *candidate, const char *best)
{
	unsigned reach = best == NULL ? 3 : distance(word, best);
	unsigned away = distance(word, candidate);

	/* With most letters changed it is another word, not a slip. */
	return away < reach && away * 2 <= strlen(word) ? candidate : best;
}

void
words_list(char *list, size_t list_bytes, const char *word)
{
	size_t used = strlen(list);

	snprintf(list + used, list_bytes - used, "%s%s", used == 0 ? "" : ", ", word);
}
