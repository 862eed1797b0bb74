/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "reader.h"
#include "prefix.h"

/* Reads values: functions for the rows of fields, and what they are made of. */

/* For rows; the type behind `value` stands beside each. Numbers: field->min .. field->max. */
#define FIELD_READER(name) \
	bool name(struct reader *reader, const struct field *field, \
		const config_setting_t *setting, void *value)
FIELD_READER(value_u16);     /* uint16_t */
FIELD_READER(value_u32);     /* uint32_t */
FIELD_READER(value_u64);     /* uint64_t */
FIELD_READER(value_bool);    /* bool */
FIELD_READER(value_name);    /* char [NAME_BYTES] */
FIELD_READER(value_text);    /* char [field->max + 1] */
FIELD_READER(value_address); /* uint32_t: a host's address */
FIELD_READER(value_prefix);  /* struct prefix, host bits zero */
FIELD_READER(value_mac);     /* uint8_t [6] */
FIELD_READER(value_port);    /* unsigned: number of the port named */
FIELD_READER(value_tunnel);  /* unsigned: number of the tunnel named */

/* The string of a setting, or NULL, and told, if it is another type. */
const char *value_string(struct reader *reader, const config_setting_t *setting);

/* libconfig takes whatever is larger for INT64_MAX. */
#define VALUE_NUMBER_MAX (INT64_MAX - 1)

/* A whole number, whatever it is; else false, and told. */
bool value_integer(struct reader *reader, const config_setting_t *setting, long long *value);
/* A number within bounds; else false, and told. */
bool value_number(struct reader *reader, const config_setting_t *setting, uint64_t min,
	uint64_t max, uint64_t *number);

/*
 * An array of addresses of ours with their prefix lengths, each usable and not ours already, into
 * `*addresses`, which config_free() frees. `owner` is the port's number or OF_TUNNEL.
 */
bool value_own_addresses(struct reader *reader, const config_setting_t *setting, unsigned owner,
	struct prefix **addresses, unsigned *n_addresses);
