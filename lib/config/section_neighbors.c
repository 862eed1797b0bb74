/* SPDX-License-Identifier: BSD-3-Clause */
#include "sections.h"

#include "values.h"

enum neighbor_row { NEIGHBOR_PORT, NEIGHBOR_ADDRESS };
static const struct field neighbor_field[] = {
	[NEIGHBOR_PORT] = { "port", REQUIRED, value_port, offsetof(struct config_neighbor, port) },
	[NEIGHBOR_ADDRESS] = { "address", REQUIRED, value_address,
		offsetof(struct config_neighbor, address) },
	{ "mac", REQUIRED, value_mac, offsetof(struct config_neighbor, mac) },
};
static const struct fields neighbor_fields = { "a neighbor", neighbor_field,
	ARRAY_LEN(neighbor_field) };

/* It may be outside the port's networks: a route via a port alone makes any address a neighbor. */
static void
read_neighbor(struct reader *reader, const config_setting_t *group, struct index *known,
	struct config_neighbor *neighbor)
{
	neighbor->line = reader_file_line(reader, group);
	struct fields_read read = reader_group(reader, group, &neighbor_fields, neighbor);
	const config_setting_t *setting = config_setting_get_member(group, "address");
	if (!fields_good(read, FIELD_BIT(NEIGHBOR_PORT) | FIELD_BIT(NEIGHBOR_ADDRESS)))
		return;
	uint64_t key = (uint64_t)neighbor->port << 32 | neighbor->address;
	if (index_find(&reader->addresses, &neighbor->address, sizeof(neighbor->address)) != NULL)
		reader_value_error(
			reader, setting, "that is an address of this gateway itself, no neighbor");
	else
		reader_unique(reader, known, (struct index_key) { &key, sizeof(key) }, 0, setting,
			"the address, on that port,");
}

void
section_neighbors(struct reader *reader, const config_setting_t *setting)
{
	struct config *config = reader->config;
	struct index known = { 0 };

	config->neighbors = reader_list(
		reader, setting, sizeof(*config->neighbors), UINT32_MAX, &config->n_neighbors);
	for (unsigned i = 0; i < config->n_neighbors; i++) {
		const config_setting_t *group = reader_list_group(reader, setting, i);
		if (group != NULL)
			read_neighbor(reader, group, &known, &config->neighbors[i]);
	}
	index_clear(&known);
}
