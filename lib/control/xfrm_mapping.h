/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "listener.h"

/* mapping() of the listener: tells group MAPPING that the peer of an SA is elsewhere. */
void xfrm_mapping(void *context, const struct sa *sa, uint32_t new_address, uint16_t new_port);
