/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Who is a peer: outer addresses that the configuration names as remote ends of tunnels, or that
 * had an SA. What they say to IKE shall not drown in what strangers say. It is a hint: two
 * addresses may want the same place, and then the later one has it; and anybody can forge one.
 */

#define PEERS_PLACES 65536

struct peers {
	/* control writes, workers read */
	_Atomic uint32_t place[PEERS_PLACES]; /* host order; 0: nobody's */
};

/* NULL: out of memory. */
struct peers *peers_create(void);
/* NULL is fine. */
void peers_destroy(struct peers *peers);

/* Control only. */
void peers_add(struct peers *peers, uint32_t address);
/* Any thread. */
bool peers_know(const struct peers *peers, uint32_t address);
