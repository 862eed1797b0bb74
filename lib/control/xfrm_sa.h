/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "xfrm_internal.h"
#include "xfrm_state.h"

/* SAs and their states together. */

/* Takes an SA, or a reserved SPI, out of all tables. Its memory goes when no worker uses it. */
void xfrm_sa_remove(struct xfrm *xfrm, struct xfrm_state *state);

/* sa_retired() of the listener. */
void xfrm_sa_retired(void *context, const struct sa *sa);

/* The state that a message names, or NULL: -ESRCH or why else, in `error` and words. Reserved SPIs
 * too. */
struct xfrm_state *xfrm_sa_named(struct xfrm *xfrm, const struct xfrm_usersa_id *id, int *error,
	struct netlink_refusal *why);
