/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "gateway.h"

/*
 * What a port's driver says of its link now. Where the link came or went: tunnels look for their
 * ways again, ways out of the port leave their groups or come back, and the listener is told.
 * Returns whether it did. Control only.
 */
bool port_link_set(struct gateway *gw, uint8_t port, enum port_link link);
