/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Who is a peer: outer addresses that the configuration names as remote ends of tunnels, or that
 * had an SA. What they say to IKE shall not drown in what strangers say. It is a hint, which may
 * order but never decide: where too many addresses want the same row the last ones have it, and
 * addresses can be forged.
 */

#define PEERS_ROWS 16384
#define PEERS_IN_A_ROW 4

struct peers {
	/* control writes, workers read */
	_Atomic uint32_t row[PEERS_ROWS][PEERS_IN_A_ROW]; /* host order; 0: nobody's */
	/* control only */
	uint8_t next[PEERS_ROWS]; /* place of a full row that is taken next */
};

/* NULL: out of memory. */
struct peers *peers_create(void);
/* NULL is fine. */
void peers_destroy(struct peers *peers);

/* Control only. */
void peers_add(struct peers *peers, uint32_t address);
/* Any thread. */
bool peers_know(const struct peers *peers, uint32_t address);
