/* SPDX-License-Identifier: BSD-3-Clause */
#include "device.h"

#include <ctype.h>
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
