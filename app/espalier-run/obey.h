/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

/* What the preload library orders of a carried socket (order.h), which no netlink message says. */

struct carrier;
struct order;

/* Carries the order out. Takes over the descriptor to answer on; -1: none came. */
void obey_order(struct carrier *carrier, const struct order *order, int answer_fd, uint64_t now_ns);
/* Tells whoever waits at the other end how it went: 0 or a positive errno. */
void obey_answer(int fd, int error);
