/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "listener.h"

/* sa_expired() of the listener: tells group EXPIRE, and deletes what has run out for good. */
void xfrm_expired(void *context, struct sa *sa, enum sa_expiry how);
