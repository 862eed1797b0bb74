/* SPDX-License-Identifier: BSD-3-Clause */
#include "words.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "compiler.h"

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

/* Bytes of the UTF-8 character that starts here (RFC 3629), 0 where none does. */
static unsigned
character_bytes(const unsigned char *p)
{
	static const struct {
		uint8_t mask, lead, bytes;
		uint32_t least; /* a smaller one has a shorter form */
	} forms[] = {
		{ 0x80, 0x00, 1, 0 },
		{ 0xE0, 0xC0, 2, 0x80 },
		{ 0xF0, 0xE0, 3, 0x800 },
		{ 0xF8, 0xF0, 4, 0x10000 },
	};

	for (unsigned f = 0; f < ARRAY_LEN(forms); f++) {
		if ((*p & forms[f].mask) != forms[f].lead)
			continue;
		uint32_t code = *p & (uint8_t)~forms[f].mask;
		for (unsigned i = 1; i < forms[f].bytes; i++) {
			if ((p[i] & 0xC0) != 0x80)
				return 0;
			code = code << 6 | (p[i] & 0x3F);
		}
		bool surrogate = code >= 0xD800 && code <= 0xDFFF;
		return code < forms[f].least || code > 0x10FFFF || surrogate ? 0 : forms[f].bytes;
	}
	return 0;
}

bool
words_are_printable(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p != '\0') {
		unsigned bytes = iscntrl(*p) ? 0 : character_bytes(p);
		if (bytes == 0)
			return false;
		p += bytes;
	}
	return true;
}

const char *
words_quote(const char *text, char quoted[QUOTE_BYTES])
{
	size_t bytes = strlen(text), shown = bytes < SHOWN_BYTES ? bytes : SHOWN_BYTES;
	bool printable = words_are_printable(text);

	if (may_be_key(text)) {
		snprintf(quoted, QUOTE_BYTES, "(not shown: it may be a key)");
		return quoted;
	}
	/* Not in the middle of a character. */
	while (shown < bytes && shown > 0 && (text[shown] & 0xC0) == 0x80)
		shown--;
	snprintf(quoted, QUOTE_BYTES, "\"%.*s%s\"", (int)shown, text, shown < bytes ? "..." : "");
	for (char *p = quoted; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p) || (!printable && (*p & 0x80) != 0))
			*p = '?';
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
