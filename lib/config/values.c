/* SPDX-License-Identifier: BSD-3-Clause */
#include "values.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "text.h"
#include "words.h"

/* Past so many names to compare, or errors told, nobody is helped by a suggestion. */
#define SUGGESTION_NAMES_MAX 256
#define SUGGESTION_ERRORS_MAX 1000

const char *
value_string(struct reader *reader, const config_setting_t *setting)
{
	if (config_setting_type(setting) == CONFIG_TYPE_STRING)
		return config_setting_get_string(setting);
	reader_value_error(reader, setting, "it must be a string, in quotes");
	return NULL;
}

bool
value_integer(struct reader *reader, const config_setting_t *setting, long long *value)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_INT:
		*value = config_setting_get_int(setting);
		return true;
	case CONFIG_TYPE_INT64:
		*value = config_setting_get_int64(setting);
		return true;
	default:
		reader_value_error(reader, setting, "it must be a whole number");
		return false;
	}
}

bool
value_number(struct reader *reader, const config_setting_t *setting, uint64_t min, uint64_t max,
	uint64_t *number)
{
	long long value;

	if (!value_integer(reader, setting, &value))
		return false;
	*number = (uint64_t)value;
	if (value >= 0 && *number >= min && *number <= max)
		return true;
	reader_value_error(reader, setting, "it must be from %" PRIu64 " to %" PRIu64, min, max);
	return false;
}

FIELD_READER(value_u16)
{
	uint64_t number;

	if (!value_number(reader, setting, field->min, field->max, &number))
		return false;
	*(uint16_t *)value = (uint16_t)number;
	return true;
}

FIELD_READER(value_u32)
{
	uint64_t number;

	if (!value_number(reader, setting, field->min, field->max, &number))
		return false;
	*(uint32_t *)value = (uint32_t)number;
	return true;
}

FIELD_READER(value_u64)
{
	return value_number(reader, setting, field->min, field->max, value);
}

FIELD_READER(value_bool)
{
	(void)field;
	if (config_setting_type(setting) != CONFIG_TYPE_BOOL) {
		reader_value_error(reader, setting, "it must be true or false");
		return false;
	}
	*(bool *)value = config_setting_get_bool(setting);
	return true;
}

FIELD_READER(value_text)
{
	const char *text = value_string(reader, setting);

	if (text == NULL)
		return false;
	size_t bytes = strlen(text);
	if (bytes < field->min || bytes > field->max) {
		reader_value_error(reader, setting,
			"it is %zu bytes long; %" PRIu64 " to %" PRIu64 " are possible", bytes,
			field->min, field->max);
		return false;
	}
	if (!text_is_printable(text)) {
		reader_value_error(reader, setting,
			"it holds a control character, or bytes that are not UTF-8");
		return false;
	}
	memcpy(value, text, bytes + 1);
	return true;
}

FIELD_READER(value_name)
{
	static const struct field name = { .min = 1, .max = NAME_BYTES - 1 };

	(void)field;
	return value_text(reader, &name, setting, value);
}

static bool
check_host(struct reader *reader, const config_setting_t *setting, uint32_t address)
{
	if (address_may_cross(address))
		return true;
	reader_value_error(reader, setting,
		"no host can have that address; it is unspecified, loopback, multicast or "
		"reserved");
	return false;
}

FIELD_READER(value_address)
{
	const char *text = value_string(reader, setting);
	uint32_t *address = value;
	char why[WHY_BYTES];

	(void)field;
	if (text == NULL)
		return false;
	if (!address_parse(text, address, why)) {
		reader_value_error(reader, setting, "%s", why);
		return false;
	}
	return check_host(reader, setting, *address);
}

FIELD_READER(value_prefix)
{
	const char *text = value_string(reader, setting);
	struct prefix *prefix = value;
	char why[WHY_BYTES], right[PREFIX_TEXT_BYTES];

	(void)field;
	if (text == NULL)
		return false;
	if (!prefix_parse(text, prefix, why)) {
		reader_value_error(reader, setting, "%s", why);
		return false;
	}
	struct prefix network = { prefix->address & prefix_mask(prefix->bits), prefix->bits };
	if (network.address == prefix->address)
		return true;
	reader_value_error(reader, setting,
		"bits are set behind the prefix length; the prefix is \"%s\"",
		prefix_format(network, right));
	return false;
}

FIELD_READER(value_mac)
{
	const char *text = value_string(reader, setting);
	char why[WHY_BYTES];

	(void)field;
	if (text == NULL)
		return false;
	if (mac_parse(text, value, why))
		return true;
	reader_value_error(reader, setting, "%s", why);
	return false;
}

/* Names come as the array of records they stand in. */
struct names {
	const char *kind; /* "port" */
	const struct index *index;
	const char *first; /* the first record's name */
	size_t record_bytes;
	unsigned n;
};

static bool
find_name(struct reader *reader, const config_setting_t *setting, const struct names *names,
	unsigned *number)
{
	const char *name = value_string(reader, setting);
	const char *meant = NULL;
	char quoted[QUOTE_BYTES];

	if (name == NULL)
		return false;
	const struct index_value *found = index_find(names->index, name, strlen(name));
	if (found != NULL) {
		*number = found->number;
		return true;
	}
	if (names->n <= SUGGESTION_NAMES_MAX && reader->reports.n < SUGGESTION_ERRORS_MAX)
		for (unsigned i = 0; i < names->n; i++)
			meant = words_closer(name, names->first + i * names->record_bytes, meant);
	if (meant != NULL)
		reader_value_error(reader, setting, "there is no %s of that name; did you mean %s?",
			names->kind, words_quote(meant, quoted));
	else
		reader_value_error(reader, setting,
			"there is no %s of that name; give one of those under \"%ss\"", names->kind,
			names->kind);
	return false;
}

FIELD_READER(value_port)
{
	const struct config *config = reader->config;
	const struct names names = { "port", &reader->ports,
		config->n_ports == 0 ? NULL : config->ports[0].name, sizeof(config->ports[0]),
		config->n_ports };

	(void)field;
	return find_name(reader, setting, &names, value);
}

FIELD_READER(value_tunnel)
{
	const struct config *config = reader->config;
	const struct names names = { "tunnel", &reader->tunnels,
		config->n_tunnels == 0 ? NULL : config->tunnels[0].name, sizeof(config->tunnels[0]),
		config->n_tunnels };

	(void)field;
	return find_name(reader, setting, &names, value);
}

/* An address of ours with its prefix length. */
static bool
own_address(struct reader *reader, const config_setting_t *setting, unsigned owner,
	struct prefix *prefix)
{
	const char *text = value_string(reader, setting);
	char why[WHY_BYTES], shown[PREFIX_TEXT_BYTES];

	if (text == NULL)
		return false;
	if (!prefix_parse(text, prefix, why)) {
		reader_value_error(reader, setting, "%s", why);
		return false;
	}
	if (!check_host(reader, setting, prefix->address))
		return false;
	if (prefix->bits == 0) {
		reader_value_error(reader, setting,
			"a network of length /0 is everything; /1 to /32 is allowed");
		return false;
	}
	if (prefix_is_edge(*prefix, prefix->address)) {
		struct prefix network = { prefix->address & prefix_mask(prefix->bits),
			prefix->bits };
		reader_value_error(reader, setting,
			"that is the network or broadcast address of %s; give one between them",
			prefix_format(network, shown));
		return false;
	}
	return reader_unique(reader, &reader->addresses,
		(struct index_key) { &prefix->address, sizeof(prefix->address) }, owner, setting,
		"the address");
}

bool
value_own_addresses(struct reader *reader, const config_setting_t *setting, unsigned owner,
	struct prefix **addresses, unsigned *n_addresses)
{
	unsigned n = (unsigned)config_setting_length(setting);
	unsigned bad = 0;

	if (!config_setting_is_array(setting) && !config_setting_is_list(setting)) {
		reader_value_error(
			reader, setting, "it must be an array of strings: [\"a.b.c.d/n\", ...]");
		return false;
	}
	struct prefix *prefixes = n == 0 ? NULL : reader_alloc(reader, n, sizeof(*prefixes));
	if (prefixes == NULL)
		return n == 0;
	for (unsigned i = 0; i < n; i++)
		if (!own_address(
			    reader, config_setting_get_elem(setting, i), owner, &prefixes[i])) {
			prefixes[i] = (struct prefix) { 0, 0 };
			bad++;
		}
	*addresses = prefixes;
	*n_addresses = n;
	return bad == 0;
}
