/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rte_ip_frag_tbl;
struct worker;

/*
 * ESP packets that come in pieces (RFC 4303 3.4.1: reassembly comes first, ESP works on whole
 * packets). A gateway that seals a packet without DF which is too large for its path, as Linux
 * does, lets the outer packet be fragmented. The pieces are found among the victims, for nobody
 * claims them; the whole goes into the worker's own ring and is parsed as any other frame is.
 *
 * All of it is bounded: packets under way, pieces, the time that each has, and what one buffer
 * holds. Where there is no room, those that have waited for long make some. A piece that comes
 * twice ends its packet.
 */

/* Of a worker and a protocol: packets under way, each in RTE_LIBRTE_IP_FRAG_MAX_FRAG pieces at
 * most, and pieces of all of them. */
#define REASSEMBLY_PACKETS 256
#define REASSEMBLY_HELD 512

/* Pieces of one protocol. The library tells packets by addresses and identification, and RFC
 * 791 3.2 by the protocol, too. So neither takes the other's places, either. */
struct piece_table {
	struct rte_ip_frag_tbl *table;
	unsigned held;     /* pieces in it */
	uint64_t room_tsc; /* when to make room next */
};

struct reassembly {
	struct piece_table esp, udp;
	uint64_t look_tsc; /* when to look next for those that waited too long */
};

/* For the lcore's NUMA socket. False: out of memory. Control, at start. */
bool reassembly_init(struct reassembly *reassembly, int socket);
/* Frees what it holds. Control, after the worker stopped. */
void reassembly_fini(struct reassembly *reassembly);

static inline bool
reassembly_waits(const struct reassembly *reassembly)
{
	return reassembly->esp.held + reassembly->udp.held > 0;
}

/* Takes the pieces of ESP packets out of worker->victims. Those that become nothing are dropped; of
 * UDP they come back. Worker. */
void reassemble(struct worker *worker);
/* Gives up what waited for other pieces too long, in the same way; every turn while any waits.
 * Worker. */
void reassembly_expire(struct worker *worker);
