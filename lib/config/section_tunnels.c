/* SPDX-License-Identifier: BSD-3-Clause */
#include "sections.h"

#include <string.h>

#include "interface.h"
#include "values.h"

#define LIVENESS_MS_MIN 10
#define LIVENESS_MS_MAX 3600000

/* Our end: an address of a port. */
static FIELD_READER(tunnel_local)
{
	uint32_t *local = value;

	if (!value_address(reader, field, setting, local))
		return false;
	const struct index_value *owner = index_find(&reader->addresses, local, sizeof(*local));
	bool ours = owner != NULL && owner->number != OF_TUNNEL;
	if (!ours && reader->port_addresses_complete)
		reader_value_error(reader, setting,
			"no port has that address; add it to the addresses of one, or give one of "
			"theirs");
	return ours;
}

static FIELD_READER(tunnel_remote)
{
	const char *text = value_string(reader, setting);
	uint32_t *remote = value;

	if (text == NULL || strcmp(text, "%any") == 0)
		return text != NULL;
	if (!value_address(reader, field, setting, remote)) {
		*remote = ADDRESS_REFUSED;
		return false;
	}
	if (index_find(&reader->addresses, remote, sizeof(*remote)) == NULL)
		return true;
	reader_value_error(reader, setting,
		"that is an address of this gateway itself; give the other end's, or \"%%any\"");
	*remote = ADDRESS_REFUSED;
	return false;
}

static FIELD_READER(tunnel_liveness)
{
	uint64_t ms;

	(void)field;
	if (!value_number(reader, setting, 0, LIVENESS_MS_MAX, &ms))
		return false;
	*(uint32_t *)value = (uint32_t)ms;
	if (ms == 0 || ms >= LIVENESS_MS_MIN)
		return true;
	reader_value_error(reader, setting, "it must be 0 (off) or from %d to %d", LIVENESS_MS_MIN,
		LIVENESS_MS_MAX);
	return false;
}

static FIELD_READER(tunnel_addresses)
{
	struct config_tunnel *tunnel = value;

	(void)field;
	return value_own_addresses(
		reader, setting, OF_TUNNEL, &tunnel->addresses, &tunnel->n_addresses);
}

static const struct field selector_field[] = {
	{ "local", REQUIRED, value_prefix, offsetof(struct config_selector, local) },
	{ "remote", REQUIRED, value_prefix, offsetof(struct config_selector, remote) },
};
static const struct fields selector_fields = { "a selector", selector_field,
	ARRAY_LEN(selector_field) };

static FIELD_READER(tunnel_selectors)
{
	struct config_tunnel *tunnel = value;

	(void)field;
	tunnel->selectors = reader_list(
		reader, setting, sizeof(*tunnel->selectors), UINT32_MAX, &tunnel->n_selectors);
	for (unsigned i = 0; i < tunnel->n_selectors; i++) {
		const config_setting_t *group = reader_list_group(reader, setting, i);
		if (group != NULL)
			reader_group(reader, group, &selector_fields, &tunnel->selectors[i]);
	}
	return true; /* what is wrong has been told, and nobody reads them further */
}

enum tunnel_row { TUNNEL_NAME, TUNNEL_IF_ID, TUNNEL_INTERFACE };
static const struct field tunnel_field[] = {
	[TUNNEL_NAME] = { "name", REQUIRED, value_name, offsetof(struct config_tunnel, name) },
	/* 0 is XFRM's word for no interface. */
	[TUNNEL_IF_ID] = { "if_id", REQUIRED, value_u32, offsetof(struct config_tunnel, if_id), 1,
		UINT32_MAX },
	[TUNNEL_INTERFACE] = { "interface", OPTIONAL, value_interface,
		offsetof(struct config_tunnel, interface) },
	{ "local", REQUIRED, tunnel_local, offsetof(struct config_tunnel, local) },
	{ "remote", REQUIRED, tunnel_remote, offsetof(struct config_tunnel, remote) },
	{ "addresses", OPTIONAL, tunnel_addresses },
	{ "liveness_ms", OPTIONAL, tunnel_liveness, offsetof(struct config_tunnel, liveness_ms) },
	{ "selectors", OPTIONAL, tunnel_selectors },
};
static const struct fields tunnel_fields = { "a tunnel", tunnel_field, ARRAY_LEN(tunnel_field) };

/* What its TUN is called. */
static void
name_interface(struct reader *reader, const config_setting_t *group, struct fields_read read,
	struct config_tunnel *tunnel)
{
	if ((read.present & FIELD_BIT(TUNNEL_INTERFACE)) == 0)
		interface_derive(tunnel->interface, tunnel->name, "esp", tunnel->if_id);
	else if (!fields_good(read, FIELD_BIT(TUNNEL_INTERFACE)))
		return;
	interface_claim(reader, group, tunnel->interface);
}

static void
read_tunnel(struct reader *reader, const config_setting_t *group, struct index *if_ids,
	struct config_tunnel *tunnel)
{
	unsigned number = (unsigned)(tunnel - reader->config->tunnels);

	tunnel->line = reader_file_line(reader, group);
	struct fields_read read = reader_group(reader, group, &tunnel_fields, tunnel);
	if (config_setting_get_member(group, "remote") == NULL)
		tunnel->remote = ADDRESS_REFUSED;
	bool named = fields_good(read, FIELD_BIT(TUNNEL_NAME)) &&
		reader_unique(reader, &reader->tunnels,
			(struct index_key) { tunnel->name, strlen(tunnel->name) }, number,
			config_setting_get_member(group, "name"), "the name");
	bool numbered = fields_good(read, FIELD_BIT(TUNNEL_IF_ID)) &&
		reader_unique(reader, if_ids,
			(struct index_key) { &tunnel->if_id, sizeof(tunnel->if_id) }, number,
			config_setting_get_member(group, "if_id"), "the if_id");
	if (named && numbered)
		name_interface(reader, group, read, tunnel);
}

void
section_tunnels(struct reader *reader, const config_setting_t *setting)
{
	struct config *config = reader->config;
	struct index if_ids = { 0 };

	config->tunnels = reader_list(
		reader, setting, sizeof(*config->tunnels), TUNNELS_MAX, &config->n_tunnels);
	for (unsigned i = 0; i < config->n_tunnels; i++) {
		const config_setting_t *group = reader_list_group(reader, setting, i);
		if (group != NULL)
			read_tunnel(reader, group, &if_ids, &config->tunnels[i]);
	}
	index_clear(&if_ids);
}
