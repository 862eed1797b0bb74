/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Moves the process into a network namespace: a name as `ip netns` has it, or a path. 0, or -1 and
 * said. main(), before any socket is opened. */
int netns_enter(const char *netns);
