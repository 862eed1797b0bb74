/* SPDX-License-Identifier: BSD-3-Clause */
#include "text.h"

#include <ctype.h>
#include <stdint.h>

#include "compiler.h"

/* Bytes of the UTF-8 character that starts here (RFC 3629), 0 where none does. */
static unsigned
character_bytes(const unsigned char *p)
{
	static const struct {
		uint8_t mask, lead, bytes;
		uint32_t least; /* a smaller one has a shorter form, or is not to be shown */
	} forms[] = {
		{ 0x80, 0x00, 1, 0 },
		{ 0xE0, 0xC0, 2, 0xA0 }, /* below are control characters of terminals */
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
text_is_printable(const char *text)
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

void
text_mask(char *text)
{
	bool printable = text_is_printable(text);

	for (char *p = text; !printable && *p != '\0'; p++)
		if (iscntrl((unsigned char)*p) || (*p & 0x80) != 0)
			*p = '?';
}
