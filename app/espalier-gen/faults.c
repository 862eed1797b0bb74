/* SPDX-License-Identifier: BSD-3-Clause */
#include "faults.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *name, *description;
} faults[FAULT_COUNT] = {
#define FAULT_ROW(name_, description_) [FAULT_##name_] = { #name_, description_ },
	FAULTS(FAULT_ROW)
#undef FAULT_ROW
};

const char *
fault_name(enum fault fault)
{
	return fault < FAULT_COUNT ? faults[fault].name : NULL;
}

const char *
fault_description(enum fault fault)
{
	return fault < FAULT_COUNT ? faults[fault].description : NULL;
}

enum fault
fault_find(const char *name)
{
	enum fault fault = 0;

	while (fault < FAULT_COUNT && strcmp(faults[fault].name, name) != 0)
		fault++;
	return fault;
}
