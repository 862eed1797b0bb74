/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>

#include "engine.h"

/* What one thread of espalier-limit works on: packets as a gateway would have them, and the ways to
 * have the library do them. */

#define PACKETS 384 /* for IMIX: whole patterns of 12 and whole bursts of 128 */
#define PACKET_STRIDE 2176

enum job_order { AS_THEY_COME, SORTED };

struct work {
	IMB_MGR *manager; /* of its own: jobs in its queue must not meet synchronous bursts */
	struct crypto *crypto;
	struct crypto_key *key;
	const struct group *group;
	enum crypto_direction direction;
	unsigned burst;
	unsigned n; /* packets, whole bursts */
	CACHE_ALIGNED IMB_JOB jobs[PACKETS];
	struct crypto_op ops[PACKETS];
	uint8_t icvs[PACKETS][ICV_BYTES_MAX];
	uint8_t nonces[PACKETS][NONCE_BYTES];
	struct gcm_context_data gcm;
	CACHE_ALIGNED uint8_t packets[PACKETS][PACKET_STRIDE];
};

/* One way to have the packets of a case done. */
struct method {
	const char *name;
	unsigned burst;
	enum job_order order;
	bool cbc;                            /* for CBC with HMAC, */
	bool aead;                           /* for AEADs */
	unsigned (*pass)(struct work *work); /* once over all packets; returns those done */
};

extern const struct method methods[];
extern const unsigned methods_n;

/* The one that is our own layer on the library: no limit, but what comes next to it. */
bool method_is_ours(const struct method *method);

/* With keys for both ends of nothing. NULL after a message. */
struct work *work_create(const char *arch, struct suite suite);
void work_destroy(struct work *work);

/* Keys for a direction. */
void work_turn(struct work *work, struct suite suite, enum crypto_direction direction);
/* Packets of that inner length, or of IMIX, and jobs in the method's order. */
void work_prepare(struct work *work, unsigned length, const struct method *method);
