/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

/*
 * The XFRM family of the control socket: security associations and policies in the messages of
 * linux/xfrm.h, with the meaning that IKE daemons observe from a kernel. What differs stands in
 * docs/control-socket.md. Control only.
 */

struct family;
struct listener;
struct session_context;
struct xfrm;

extern const struct family xfrm_family;

/*
 * Makes what the family's sessions share: `context`, whose gateway is there, gets it as its `xfrm`.
 * SAs that are in the tables already, from the configuration, become visible to clients. 0 or
 * -ENOMEM.
 */
int xfrm_open(struct session_context *context);
/* Has expiries and acquires sent to the groups of `listener->context`, a struct session_context,
 * and keeps its records of SAs true. */
void xfrm_listen(struct listener *listener);
/* Undoes xfrm_open(), with all keys wiped; SAs stay in the tables. The listener still listens then.
 * One that was not opened is fine. */
void xfrm_close(struct session_context *context);

/* What time does to SPIs reserved and keys remembered. Every 100 ms or so. */
void xfrm_tick(struct xfrm *xfrm, uint64_t now_ns);
