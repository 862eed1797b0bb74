/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "reader.h"

/*
 * The sections of a file, one source file each: they fill reader->config and tell what is wrong. A
 * section whose list is wrong leaves nothing behind. Each relies on those above it.
 */

void section_gateway(struct reader *reader, const config_setting_t *setting);
void section_ports(struct reader *reader, const config_setting_t *setting);
void section_tunnels(struct reader *reader, const config_setting_t *setting);
void section_routes(struct reader *reader, const config_setting_t *setting);
void section_neighbors(struct reader *reader, const config_setting_t *setting);
void section_sas(struct reader *reader, const config_setting_t *setting);
