/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "listener.h"
#include "selector.h"

/* acquire() of the listener: asks whoever joined group ACQUIRE for an SA (xfrm_acquire.c). */
void xfrm_acquire(void *context, const struct tunnel *tunnel, const struct packet_flow *flow);
