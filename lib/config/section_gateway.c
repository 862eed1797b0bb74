/* SPDX-License-Identifier: BSD-3-Clause */
#include "sections.h"

#include <string.h>

#include "values.h"

/* "-ro" goes between name and ".sock" for the read-only socket, and the zero behind. */
#define SOCKET_BYTES_MAX 103

static FIELD_READER(control_socket)
{
	const char *path = value;

	if (!value_text(reader, field, setting, value))
		return false;
	size_t bytes = strlen(path);
	if (path[0] == '/' && path[bytes - 1] != '/')
		return true;
	reader_value_error(reader, setting,
		"it must be the absolute path of a socket, such as /run/espalier/control.sock");
	return false;
}

/* As `ip netns` names them, or a path such as /proc/PID/ns/net. */
static FIELD_READER(kernel_netns)
{
	const char *name = value;

	if (!value_text(reader, field, setting, value))
		return false;
	if (name[0] == '/' || strchr(name, '/') == NULL)
		return true;
	reader_value_error(reader, setting,
		"it must be the name of a network namespace, as \"ip netns\" knows it, or an "
		"absolute path");
	return false;
}

static FIELD_READER(hash_seed)
{
	struct config *config = value;

	config->hash_seed_given = value_u32(reader, field, setting, &config->hash_seed);
	return config->hash_seed_given;
}

static const struct field gateway_field[] = {
	{ "name", OPTIONAL, value_name, offsetof(struct config, name) },
	{ "control_socket", OPTIONAL, control_socket, offsetof(struct config, control_socket), 2,
		SOCKET_BYTES_MAX },
	{ "kernel_netns", OPTIONAL, kernel_netns, offsetof(struct config, kernel_netns), 1,
		CONFIG_NETNS_BYTES - 1 },
	{ "hash_seed", OPTIONAL, hash_seed, 0, 0, UINT32_MAX },
	{ "max_routes", OPTIONAL, value_u32, offsetof(struct config, max_routes), 64, ROUTES_MAX },
	{ "max_tbl8", OPTIONAL, value_u32, offsetof(struct config, max_tbl8), 1, 1u << 23 },
};
static const struct fields gateway_fields = { "the gateway", gateway_field,
	ARRAY_LEN(gateway_field) };

void
section_gateway(struct reader *reader, const config_setting_t *setting)
{
	if (config_setting_is_group(setting))
		reader_group(reader, setting, &gateway_fields, reader->config);
	else
		reader_value_error(reader, setting, "it must be a group: { ... }");
}
