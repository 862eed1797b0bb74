/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>

#include <rte_mbuf.h>

#include "wires.h"

/*
 * ARP (RFC 826) for the hosts that we play: whoever the gateway asks for on a connected network,
 * but itself, is us.
 */

/*
 * Looks at an ARP frame: learns the gateway's MAC, and turns a request for one of our hosts into
 * its answer. True: send it back. The frame stays the caller's. One thread at a time.
 */
bool arp_take(struct wire *wire, struct rte_mbuf *frame);

/*
 * Asks for the gateway's MACs that are not known yet, for a second at most, and makes one up for
 * who does not answer, with a warning. Control, before the workers run.
 */
void arp_resolve(struct wires *wires);
