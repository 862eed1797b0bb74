/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <intel-ipsec-mb.h>

#include "suite.h"

/*
 * The HMACs of a burst, by whichever code of the library is fastest for it. Internal to lib/crypto.
 *
 * The library takes one architecture for everything, the widest that the CPU has: 8 packets side by
 * side with AVX2, 16 with AVX-512. But lanes that stay empty cost as much as full ones, so a single
 * packet takes as long as 8 or 16. And many CPUs have instructions for SHA-1 and SHA-256 that do
 * two packets at a time faster than AVX2 does eight. Which is faster depends on the CPU, the
 * algorithm and the length, and on what else the core has to do: vectors suffer more from a
 * neighbour in its other hyperthread. So both are timed at start, and again and again on the
 * packets that come.
 */

enum hasher_kind { HASHER_WIDE, HASHER_NARROW, HASHER_KINDS };

/*
 * What one kind takes for a burst that fills its lanes: so much for each message and so much for
 * each byte, as found at start, and so many times that by now. Only this factor is learned from the
 * packets at hand, because it holds for lengths, too, that few or none of them have.
 */
struct hasher_cost {
	float message_cycles;
	float byte_cycles;
	float slowdown;
};

struct hasher_choice {
	/* What the narrow code is faster at: */
	uint16_t bytes; /* messages up to that length, of any number, */
	uint16_t few;   /* and up to so many longer ones */
	/* Large bursts until one is a trial, and of which kind the latest was. */
	uint16_t until_trial;
	uint8_t kind;
	struct hasher_cost cost[HASHER_KINDS];
	float alone_cycles; /* that the wide code takes for one long message, at start */
};

struct hasher {
	IMB_MGR *manager[HASHER_KINDS]; /* the wide one is not ours; no narrow one: NULL */
	struct hasher_choice choice[MAC_COUNT];
};

/* By the library's names. */
extern const IMB_HASH_ALG hasher_algorithms[MAC_COUNT];

/* Times `wide` against `narrow`, which it takes over and which may be NULL: some milliseconds.
 * Control, at start. */
void hasher_init(struct hasher *hasher, IMB_MGR *wide, IMB_MGR *narrow);
/* Destroys the narrow manager. Control, at the end. */
void hasher_fini(struct hasher *hasher);

/*
 * Computes the HMAC of each job, synchronously. Jobs are of equal length, or the longest stand
 * first, about. The worker that owns it. Aborts where the library does not know the algorithm,
 * which the self-test would have found.
 */
void hasher_burst(struct hasher *hasher, IMB_JOB jobs[], unsigned n, enum mac mac);
