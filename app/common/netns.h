/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Moves the calling thread, and those that it starts afterwards, into a network namespace: a name
 * as `ip netns` has it, or a path. 0, or -errno and said, in the name of the setting that asked for
 * it. */
int netns_enter(const char *setting, const char *netns);
