/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Closes the kernel's XFRM to this process and all that it becomes and starts: socket(AF_NETLINK,
 * .., NETLINK_XFRM) fails with EPROTONOSUPPORT in the kernel itself, and so does socket(AF_KEY,
 * ..), the older way to the same tables. The preload library asks for no such socket, so whoever
 * comes that far went past it: a static or setuid child, one with another LD_PRELOAD, one that
 * makes system calls by hand. An SA in the kernel, where nobody looks for it, is what must never
 * happen.
 *
 * 0 or -errno.
 */
int guard_xfrm(void);
