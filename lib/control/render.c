/* SPDX-License-Identifier: BSD-3-Clause */
#include "render.h"

#include <stdio.h>

#include "drops.h"
#include "gateway.h"
#include "tunnel.h"

void
render_set(json_t **row, const char *key, json_t *value)
{
	if (json_object_set_new(*row, key, value) == 0)
		return;
	json_decref(*row);
	*row = NULL;
}

json_t *
render_address(uint32_t address)
{
	char text[ADDRESS_TEXT_BYTES];

	return json_string(address_format(address, text));
}

json_t *
render_prefix(struct prefix prefix)
{
	char text[PREFIX_TEXT_BYTES];

	return json_string(prefix_format(prefix, text));
}

json_t *
render_prefixes(const struct prefix prefixes[], unsigned n)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, render_prefix(prefixes[i]));
	return list;
}

json_t *
render_mac(const struct rte_ether_addr *mac)
{
	const uint8_t *byte = mac->addr_bytes;

	return json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", byte[0], byte[1], byte[2], byte[3],
		byte[4], byte[5]);
}

json_t *
render_spi(uint32_t spi)
{
	return json_sprintf("0x%08x", spi);
}

json_t *
render_count(uint64_t count)
{
	return count <= INT64_MAX ? json_integer((json_int_t)count) : json_real((double)count);
}

json_t *
render_traffic(const struct traffic *traffic)
{
	return json_pack("{s:o, s:o}", "packets", render_count(traffic->packets), "bytes",
		render_count(traffic->bytes));
}

json_t *
render_text(const char *text)
{
	char ascii[256];

	if (text == NULL)
		return json_null();
	json_t *value = json_string(text);
	if (value != NULL)
		return value;
	snprintf(ascii, sizeof(ascii), "%s", text);
	for (char *c = ascii; *c != '\0'; c++)
		if ((unsigned char)*c > 0x7e)
			*c = '?';
	return json_string(ascii);
}

json_t *
render_nexthop(const struct gateway *gw, const struct nexthop_spec *spec)
{
	switch ((enum nexthop_kind)spec->kind) {
	case NEXTHOP_TUNNEL:
		return json_pack("{s:o, s:i}", "tunnel",
			render_text(gw->tunnels[spec->tunnel].name), "weight", spec->weight);
	case NEXTHOP_GATEWAY:
		return json_pack("{s:o, s:o, s:i}", "port", render_text(gw->ports[spec->port].name),
			"gateway", render_address(spec->gateway), "weight", spec->weight);
	case NEXTHOP_ONLINK:
		return json_pack("{s:o, s:n, s:i}", "port", render_text(gw->ports[spec->port].name),
			"gateway", "weight", spec->weight);
	case NEXTHOP_LOCAL:
		return json_pack("{s:b}", "local", 1);
	case NEXTHOP_DROP:
		if (spec->reason == DROP_unreachable || spec->reason == DROP_prohibited)
			return json_pack("{s:b, s:s}", "drop", 1, "reason",
				drop_name((enum drop_reason)spec->reason));
		break;
	case NEXTHOP_GROUP: /* a group is its ways, never one of them */
		break;
	}
	return json_pack("{s:b}", "drop", 1);
}
