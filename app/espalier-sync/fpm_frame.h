/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include "netlink.h"

/* Frames of FRR's Forwarding Plane Manager: version 1, type 1 (netlink), and 16 bits of length in
 * network order, header included; then one netlink message or more. */

#define FPM_FRAME_BYTES_MAX 65535

/*
 * Takes the next frame off a stream. 1: got its body; 0: it is not all there; -EINVAL: that is no
 * frame, said in `why`, and nothing behind it can be trusted.
 */
int
fpm_next_frame(struct netlink_span *stream, struct netlink_span *body, struct netlink_refusal *why);
