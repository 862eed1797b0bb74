/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "listener.h"

/* How long an SPI stays reserved. The kernel's net.core.xfrm_acq_expires is 30 until charon raises
 * it to this: for so long it repeats what a peer does not answer. */
#define RESERVED_SECONDS 165

/* sa_expired() of the listener: tells group EXPIRE, and deletes what has run out for good. */
void xfrm_expired(void *context, struct sa *sa, enum sa_expiry how);
