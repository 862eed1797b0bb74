/* SPDX-License-Identifier: BSD-3-Clause */
#include "hold.h"

#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>

#include "branch.h"
#include "clock.h"
#include "flow.h"
#include "gateway.h"
#include "listener.h"
#include "punt.h"
#include "tunnel.h"

#define LOOK_NS (SECOND_NS / 2) /* for packets that wait in vain */

struct waiting {
	struct rte_mbuf *pkt;
	uint64_t since_ns;
	uint16_t tunnel;
};

struct hold {
	unsigned n;
	uint32_t seen_changes; /* gateway.tunnel_changes at the last look */
	uint64_t next_look_ns;
	struct waiting waiting[HOLD_PKTS]; /* in the order in which they came */
};

struct hold *
hold_create(void)
{
	return calloc(1, sizeof(struct hold));
}

void
hold_destroy(struct hold *hold)
{
	if (hold == NULL)
		return;
	for (unsigned i = 0; i < hold->n; i++)
		rte_pktmbuf_free(hold->waiting[i].pkt);
	free(hold);
}

static struct packet_flow
flow_of(const struct rte_mbuf *pkt)
{
	return flow_outbound(
		rte_pktmbuf_mtod_offset(pkt, const struct rte_ipv4_hdr *, RTE_ETHER_HDR_LEN));
}

/* What the packet would go through now. */
static const struct encap *
encap_of(const struct gateway *gw, uint16_t tunnel, const struct rte_mbuf *pkt)
{
	struct packet_flow flow = flow_of(pkt);

	return branch_encap(gateway_encap(gw, tunnel), &flow);
}

/* Tells whoever can make an SA that the tunnel wants one. */
static void
ask(const struct gateway *gw, struct tunnel *tunnel, const struct rte_mbuf *pkt, uint64_t now_ns)
{
	const struct listener *listener = gw->listener;
	uint64_t wait_ns = (tunnel->asked ? HOLD_SECONDS : HOLD_ASK_SECONDS) * SECOND_NS;

	if (tunnel->asked_ns != 0 && now_ns - tunnel->asked_ns < wait_ns)
		return;
	if (listener == NULL || listener->acquire == NULL)
		return;
	struct packet_flow flow = flow_of(pkt);
	/* Where nobody heard it, whoever comes hears it of the next packet. */
	if (!listener->acquire(listener->context, tunnel, &flow))
		return;
	tunnel->asked = true;
	tunnel->asked_ns = now_ns;
}

static void
drop(struct gateway *gw, struct rte_mbuf *pkt, uint8_t reason)
{
	gw->control_drops[reason]++;
	rte_pktmbuf_free(pkt);
}

/* All places are taken: the tunnel that has most of them gives its oldest packet's away. False: not
 * to this one, which would have as many then, or more. */
static bool
make_room(struct gateway *gw, const struct tunnel *tunnel)
{
	struct hold *hold = gw->hold;
	struct tunnel *most = &gw->tunnels[hold->waiting[0].tunnel];
	unsigned at = 0;

	for (unsigned i = 1; i < hold->n; i++)
		if (gw->tunnels[hold->waiting[i].tunnel].held > most->held) {
			most = &gw->tunnels[hold->waiting[i].tunnel];
			at = i;
		}
	if (most->held <= tunnel->held + 1)
		return false;
	most->held--;
	drop(gw, hold->waiting[at].pkt, DROP_no_sa);
	hold->n--;
	memmove(&hold->waiting[at], &hold->waiting[at + 1],
		(hold->n - at) * sizeof(hold->waiting[0]));
	return true;
}

void
hold_take(struct gateway *gw, struct rte_mbuf *pkt, uint64_t now_ns)
{
	struct hold *hold = gw->hold;
	struct tunnel *tunnel = &gw->tunnels[punt_index(pkt)];

	bool waits = encap_of(gw, tunnel->index, pkt)->hold;

	if (waits)
		ask(gw, tunnel, pkt, now_ns);
	bool fits =
		tunnel->held < HOLD_TUNNEL_PKTS && (hold->n < HOLD_PKTS || make_room(gw, tunnel));
	tunnel->held += fits;
	/* As long as nobody has been asked, workers pass on what may do it. Nor may they stop where
	 * nothing waits, for what leaves is what has them begin again. */
	tunnel->hold_full =
		tunnel->asked && tunnel->held > 0 && (!fits || tunnel->held == HOLD_TUNNEL_PKTS);
	if (!fits) {
		drop(gw, pkt, DROP_no_sa);
		return;
	}
	hold->waiting[hold->n++] = (struct waiting) { pkt, now_ns, tunnel->index };
	/* An SA may have come while the packet was on its way. */
	hold->next_look_ns = waits ? hold->next_look_ns : 0;
}

void
hold_ask_again(struct tunnel *tunnel)
{
	tunnel->asked = false;
	tunnel->hold_full = false;
}

/* What becomes of one packet; true: it goes on waiting. */
static bool
decide(struct gateway *gw, const struct waiting *waiting, uint64_t now_ns, hold_send_fn send,
	const void *context)
{
	const struct encap *encap = encap_of(gw, waiting->tunnel, waiting->pkt);

	if (encap->drop == DROP_NONE)
		send(context, waiting->pkt, waiting->tunnel);
	else if (now_ns - waiting->since_ns >= HOLD_SECONDS * SECOND_NS)
		drop(gw, waiting->pkt, encap->drop);
	else if (encap->hold || encap->drop == DROP_no_neighbor)
		return true;
	else
		drop(gw, waiting->pkt, encap->drop);
	return false;
}

void
hold_release(struct gateway *gw, uint64_t now_ns, hold_send_fn send, const void *context)
{
	struct hold *hold = gw->hold;
	unsigned kept = 0;

	if (hold->n == 0 ||
		(hold->seen_changes == gw->tunnel_changes && now_ns < hold->next_look_ns))
		return;
	hold->seen_changes = gw->tunnel_changes;
	hold->next_look_ns = now_ns + LOOK_NS;
	for (unsigned i = 0; i < hold->n; i++) {
		struct waiting waiting = hold->waiting[i];

		if (decide(gw, &waiting, now_ns, send, context)) {
			hold->waiting[kept++] = waiting;
			continue;
		}
		gw->tunnels[waiting.tunnel].held--;
		gw->tunnels[waiting.tunnel].hold_full = false;
	}
	hold->n = kept;
}
