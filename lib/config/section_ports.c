/* SPDX-License-Identifier: BSD-3-Clause */
#include "sections.h"

#include <string.h>

#include "interface.h"
#include "prefix.h"
#include "values.h"
#include "words.h"

/* RFC 791: every link carries 68 bytes. */
#define MTU_MIN 68
#define MTU_MAX 9600
#define MTU_DEFAULT 1500

static bool
overlap(struct prefix a, struct prefix b)
{
	/* Refused addresses have no bits. */
	if (a.bits == 0 || b.bits == 0)
		return false;
	return a.bits < b.bits ? prefix_covers(a, b.address) : prefix_covers(b, a.address);
}

/* Two ports into one network: which one leads to a neighbor would be chance. */
static bool
check_overlap(struct reader *reader, const config_setting_t *setting, struct prefix prefix,
	unsigned number)
{
	const struct config_port *ports = reader->config->ports;
	char shown[PREFIX_TEXT_BYTES], quoted[QUOTE_BYTES];

	for (unsigned p = 0; p < number && p < PORTS_MAX; p++)
		for (unsigned a = 0; a < ports[p].n_addresses; a++) {
			if (!overlap(prefix, ports[p].addresses[a]))
				continue;
			reader_value_error(reader, setting,
				"its network overlaps %s of port %s; each port needs networks of "
				"its own",
				prefix_format(ports[p].addresses[a], shown),
				words_quote(ports[p].name, quoted));
			return false;
		}
	return true;
}

static FIELD_READER(port_addresses)
{
	struct config_port *port = value;
	unsigned number = (unsigned)(port - reader->config->ports);
	bool good =
		value_own_addresses(reader, setting, number, &port->addresses, &port->n_addresses);

	(void)field;
	if (port->n_addresses > PORT_ADDRESSES_MAX) {
		reader_error(reader, setting, "addresses: %u of them, but a port can have %d",
			port->n_addresses, PORT_ADDRESSES_MAX);
		port->n_addresses = PORT_ADDRESSES_MAX;
		good = false;
	}
	for (unsigned i = 0; i < port->n_addresses && number < PORTS_MAX; i++)
		if (!check_overlap(reader, config_setting_get_elem(setting, i), port->addresses[i],
			    number))
			good = false;
	return good;
}

enum port_row { PORT_NAME, PORT_DEVICE, PORT_ADDRESSES, PORT_INTERFACE };
static const struct field port_field[] = {
	[PORT_NAME] = { "name", REQUIRED, value_name, offsetof(struct config_port, name) },
	[PORT_DEVICE] = { "device", REQUIRED, value_text, offsetof(struct config_port, device), 1,
		sizeof(((struct config_port *)NULL)->device) - 1 },
	[PORT_ADDRESSES] = { "addresses", OPTIONAL, port_addresses },
	[PORT_INTERFACE] = { "interface", OPTIONAL, value_interface,
		offsetof(struct config_port, interface) },
	{ "mtu", OPTIONAL, value_u16, offsetof(struct config_port, mtu), MTU_MIN, MTU_MAX },
	{ "allow_clear", OPTIONAL, value_bool, offsetof(struct config_port, allow_clear) },
};
static const struct fields port_fields = { "a port", port_field, ARRAY_LEN(port_field) };

/* What its TAP is called. */
static void
name_interface(struct reader *reader, const config_setting_t *group, struct fields_read read,
	struct config_port *port)
{
	if ((read.present & FIELD_BIT(PORT_INTERFACE)) == 0)
		interface_derive(port->interface, port->name, "port",
			(unsigned)(port - reader->config->ports));
	else if (!fields_good(read, FIELD_BIT(PORT_INTERFACE)))
		return;
	interface_claim(reader, group, port->interface);
}

static void
read_port(struct reader *reader, const config_setting_t *group, struct index *devices,
	struct config_port *port)
{
	unsigned number = (unsigned)(port - reader->config->ports);

	port->line = reader_file_line(reader, group);
	port->mtu = MTU_DEFAULT;
	struct fields_read read = reader_group(reader, group, &port_fields, port);
	if (fields_good(read, FIELD_BIT(PORT_NAME)) &&
		reader_unique(reader, &reader->ports,
			(struct index_key) { port->name, strlen(port->name) }, number,
			config_setting_get_member(group, "name"), "the name"))
		name_interface(reader, group, read, port);
	if (fields_good(read, FIELD_BIT(PORT_DEVICE)))
		reader_unique(reader, devices,
			(struct index_key) { port->device, strlen(port->device) }, number,
			config_setting_get_member(group, "device"), "the device");
	if ((read.present & ~read.good & FIELD_BIT(PORT_ADDRESSES)) != 0)
		reader->port_addresses_complete = false;
}

void
section_ports(struct reader *reader, const config_setting_t *setting)
{
	struct config *config = reader->config;
	struct index devices = { 0 };

	config->ports =
		reader_list(reader, setting, sizeof(*config->ports), PORTS_MAX, &config->n_ports);
	reader->port_addresses_complete = config->n_ports > 0;
	if (config_setting_is_list(setting) && config_setting_length(setting) == 0)
		reader_error(reader, setting,
			"ports: the list is empty; a gateway needs at least one port");
	for (unsigned i = 0; i < config->n_ports; i++) {
		const config_setting_t *group = reader_list_group(reader, setting, i);
		if (group != NULL)
			read_port(reader, group, &devices, &config->ports[i]);
		else
			reader->port_addresses_complete = false;
	}
	index_clear(&devices);
}
