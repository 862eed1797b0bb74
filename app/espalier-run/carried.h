/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "order.h"

/*
 * The carried sockets of this process. There is no table of them: what a descriptor is, its names
 * tell (order.h). All may be called by any thread; errno is left alone unless said.
 */

/* Is this netlink family carried to the broker? */
bool carried_protocol(int protocol);
/* The netlink family of a carried socket, or -1: the descriptor is something else. */
int carried_family(int fd);
/* Is this the address, as the kernel writes it, of the other end of a carried socket? */
bool carried_sender(int fd, const struct sockaddr *address, socklen_t bytes);

/* Opens one; `type` with its flags is what the program said. A descriptor, or -1 and errno. */
int carried_open(int type, int protocol);
/* Tells the broker something about one and waits for its answer. 0, or -1 and errno. */
int carried_order(int fd, enum order_verb verb, uint32_t value);

/* Its port id; 0: it has none yet. */
uint32_t carried_pid(int fd);
/* Writes a netlink address as getsockname() does: what fits, and how long it really is. */
void carried_tell(struct sockaddr *to, socklen_t *bytes, uint32_t pid);
/* Gives it a port id, of the broker's choice for 0. 0, or -1 and errno; EINVAL if it has one. */
int carried_bind(int fd, uint32_t pid);
