/* SPDX-License-Identifier: BSD-3-Clause */
#include "device.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_ethdev.h>

bool
device_find(const char *name, uint16_t *id)
{
	char *end;

	if (rte_eth_dev_get_port_by_name(name, id) == 0)
		return true;
	unsigned long number = strtoul(name, &end, 10);
	if (!isdigit((unsigned char)name[0]) || *end != '\0' || number >= RTE_MAX_ETHPORTS ||
		!rte_eth_dev_is_valid_port((uint16_t)number))
		return false;
	*id = (uint16_t)number;
	return true;
}

const char *
device_list(char list[DEVICE_LIST_BYTES])
{
	size_t used = 0;
	uint16_t id;

	snprintf(list, DEVICE_LIST_BYTES, "none");
	RTE_ETH_FOREACH_DEV(id)
	{
		char name[RTE_ETH_NAME_MAX_LEN];

		if (used >= DEVICE_LIST_BYTES || rte_eth_dev_get_name_by_port(id, name) != 0)
			break;
		used += (size_t)snprintf(
			list + used, DEVICE_LIST_BYTES - used, "%s%s", used > 0 ? ", " : "", name);
	}
	return list;
}
