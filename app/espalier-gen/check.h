/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include <rte_ip.h>
#include <rte_mbuf.h>

#include "flows.h"
#include "tally.h"

/* Judges what arrives: is it what was sent, did it come once, in order and the right way? */

struct checker {
	const struct flows *flows;
	const struct lengths *lengths;
	uint32_t id; /* of the trial */
	uint8_t ttl; /* that must be left */
	struct tally *tally;
};

/* Where and when a packet came. */
struct arrival {
	uint64_t tsc;
	uint32_t peer; /* whose tunnel it came out of; NO_PEER: it was plain on the wire */
	uint8_t port;  /* of the gateway */
};

/* Judges one inner or plain IPv4 packet of which `bytes` are there. Any worker, each with a checker
 * of its own. */
void check_packet(const struct checker *checker, const uint8_t *packet, unsigned bytes,
	const struct arrival *arrival);
