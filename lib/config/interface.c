/* SPDX-License-Identifier: BSD-3-Clause */
#include "interface.h"

#include <stdio.h>
#include <string.h>

bool
interface_is_valid(const char *name)
{
	size_t bytes = strlen(name);

	if (bytes == 0 || bytes >= INTERFACE_BYTES || strcmp(name, ".") == 0 ||
		strcmp(name, "..") == 0)
		return false;
	for (const char *c = name; *c != '\0'; c++)
		/* '%' would stand for a number to be found; the rest the kernel refuses, or shells
		 * would have to quote. */
		if (*c <= ' ' || *c > '~' || strchr("/:%\"'\\", *c) != NULL)
			return false;
	return true;
}

FIELD_READER(value_interface)
{
	const char *text = value_string(reader, setting);

	(void)field;
	if (text == NULL)
		return false;
	if (!interface_is_valid(text)) {
		reader_value_error(reader, setting,
			"no interface can be called that: 1 to %d printable characters, without "
			"blanks and / : %% \" ' \\",
			INTERFACE_BYTES - 1);
		return false;
	}
	memcpy(value, text, strlen(text) + 1);
	return true;
}

void
interface_derive(
	char interface[INTERFACE_BYTES], const char *name, const char *prefix, unsigned number)
{
	if (interface_is_valid(name))
		memcpy(interface, name, strlen(name) + 1);
	else
		snprintf(interface, INTERFACE_BYTES, "%s%u", prefix, number);
}

bool
interface_claim(
	struct reader *reader, const config_setting_t *group, const char interface[INTERFACE_BYTES])
{
	const config_setting_t *setting = config_setting_get_member(group, "interface");

	if (setting != NULL)
		return reader_unique(reader, &reader->interfaces,
			(struct index_key) { interface, strlen(interface) }, 0, setting,
			"the interface name");
	/* Derived: the name is what is to be changed, or an interface to be given. */
	return reader_unique(reader, &reader->interfaces,
		(struct index_key) { interface, strlen(interface) }, 0,
		config_setting_get_member(group, "name"),
		"the interface name that follows from it (give another as \"interface\")");
}
